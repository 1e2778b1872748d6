/** The frame around every page: navigation, who is signed in, colours, and the page that the address names. */
import { ComponentChildren } from 'preact';
import { useErrorBoundary, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ApiError, MISFIT } from './api';
import { Button, EmptyState, ErrorNote, Note } from './components/basic';
import { Toasts } from './components/toast';
import { zone } from './format';
import { revoke } from './identity';
import { SignIn } from './pages/sign-in';
import { take, useKeeping } from './kept';
import { getEntry, href, match, useLocation } from './router';
import { Route, routes } from './routes';
import { Session, getEnded, signOut, useSession } from './session';
import { Theme, setTheme, useTheme } from './theme';

function find(path: string): { route: Route; params: Record<string, string> } | null {
    for (const route of routes) {
        const params = match(route.pattern, path);
        if (params) return { route, params };
    }
    return null;
}

const NEXT_THEME: Record<Theme, Theme> = { auto: 'light', light: 'dark', dark: 'auto' };
const THEME_WORDS: Record<Theme, string> = { auto: 'as the system', light: 'light', dark: 'dark' };

function ThemeSwitch() {
    const theme = useTheme();
    return (
        <Button kind="quiet" class="icon-button theme-switch" onClick={() => setTheme(NEXT_THEME[theme])}
            aria-label={`Colours: ${THEME_WORDS[theme]}. Change`} title={`Colours: ${THEME_WORDS[theme]}`}>
            <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
                <circle cx="10" cy="10" r="7" fill="none" stroke="currentColor" stroke-width="1.6" />
                {theme === 'auto' && <path d="M10 3a7 7 0 0 1 0 14z" fill="currentColor" />}
                {theme === 'dark' && <circle cx="10" cy="10" r="7" fill="currentColor" />}
            </svg>
        </Button>
    );
}

function Account({ session }: { session: Session }) {
    const [busy, setBusy] = useState(false);
    const leave = async () => {
        setBusy(true);
        // A pasted token may be used elsewhere, and Keystone may be away: either way we forget it.
        if (session.projectName !== null) await revoke(session.token).catch(() => undefined);
        signOut();
    };
    return (
        <div class="account">
            <span class="account-who">
                <bdi class="account-user">{session.userName}</bdi>
                <span class="account-project">
                    {session.projectName !== null && <bdi>{session.projectName}</bdi>}
                    {session.isStaff && <span class="account-staff"> staff</span>}
                </span>
            </span>
            <Button kind="quiet" busy={busy} onClick={leave}>Sign out</Button>
        </div>
    );
}

function Navigation({ route, signedIn }: { route: Route | undefined; signedIn: boolean }) {
    const current = route?.nav ? route.pattern : route?.under;
    return (
        <nav class="nav" aria-label="Main" id="nav">
            <ul>
                {routes.filter((r) => r.nav && (signedIn || r.open)).map((r) => (
                    <li key={r.pattern}>
                        <a href={href(r.pattern)} aria-current={r.pattern === current ? 'page' : undefined}>{r.nav}</a>
                    </li>
                ))}
            </ul>
        </nav>
    );
}

/** A page that can make nothing of what the server answered leaves the frame around it whole. */
function Guard({ children }: { children: ComponentChildren }) {
    const [error, reset] = useErrorBoundary();
    if (!error) return <>{children}</>;
    return <ErrorNote error={new ApiError(0, MISFIT)} retry={reset} />;
}

interface Place {
    top: number;
    link: string | null; // where the focus was
}

/** Back to PLACE as soon as the page is long enough, unless somebody scrolls himself meanwhile. Ended by calling what is returned. */
function comeBack(main: HTMLElement, { top, link }: Place): () => void {
    const over = new AbortController();
    const observer = new ResizeObserver(() => {
        window.scrollTo(0, top);
        if (Math.abs(window.scrollY - top) > 1) return;
        stop();
        [...main.querySelectorAll('a')].find((a) => a.getAttribute('href') === link)?.focus({ preventScroll: true });
    });
    const stop = () => {
        observer.disconnect();
        over.abort();
    };
    for (const own of ['wheel', 'touchmove', 'pointerdown', 'keydown']) window.addEventListener(own, stop, { signal: over.signal });
    observer.observe(main);
    return stop;
}

export function App() {
    const session = useSession();
    const { path, query, round } = useLocation();
    const [menu, setMenu] = useState(false);
    const main = useRef<HTMLElement>(null);
    const found = find(path);
    const entered = !!session;
    const shown = useRef(path + entered + round);
    useKeeping('window', (): Place => ({ top: window.scrollY, link: document.activeElement?.getAttribute('href') ?? null }));
    useLayoutEffect(() => {
        const place = take<Place>('window');
        const now = path + entered + round;
        if (shown.current !== now) {
            shown.current = now;
            setMenu(false);
            // A new page: screen readers and the keyboard begin at its top.
            if (!place) window.scrollTo(0, 0);
            if (entered || found?.route.open) main.current?.focus({ preventScroll: true }); // the form for signing in has its own
        }
        return place && main.current ? comeBack(main.current, place) : undefined;
    }, [path, round, getEntry(), entered]);

    const signInHref = href('/sign-in', { to: href(path, query).slice(1) });
    let content;
    if (!session && !found?.route.open) {
        content = <SignIn />;
    } else if (!found) {
        content = (
            <EmptyState title="There is no such page" action={<a class="button button-plain" href={href('/')}>To the start</a>}>
                <p>The address may be mistyped, or from another version of Tally.</p>
            </EmptyState>
        );
    } else {
        const { page: Page } = found.route;
        // another run is another page, not the same one with other data
        content = (
            <Guard key={found.route.pattern + JSON.stringify(found.params) + round}>
                {!session && getEnded() && (
                    <div role="status"><Note tone="warn">Your session has ended: this is what everybody sees. <a href={signInHref}>Sign in again</a> to go on.</Note></div>
                )}
                <Page params={found.params} query={query} />
            </Guard>
        );
    }
    return (
        <>
            <a class="skip-link" href="#main" onClick={(e) => { e.preventDefault(); main.current?.focus(); }}>To the content</a>
            <header class={menu ? 'top top-open' : 'top'}>
                <a class="brand" href={href('/')} aria-label="Tally">
                    <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
                        <rect class="brand-ground" width="32" height="32" rx="7" />
                        <path class="brand-bars" d="M8 8v16M13.3 8v16M18.7 8v16M24 8v16" />
                        <path class="brand-stroke" d="M5.5 21.5l21-11" />
                    </svg>
                    <span>Tally</span>
                </a>
                <Button kind="quiet" class="menu-button" aria-expanded={menu} aria-controls="nav" onClick={() => setMenu(!menu)}>
                    Menu
                </Button>
                <Navigation route={found?.route} signedIn={!!session} />
                <div class="top-end">
                    {session ? <Account session={session} /> : found?.route.open && (
                        <a class="button button-quiet" href={signInHref}>Sign in</a>
                    )}
                    <ThemeSwitch />
                </div>
            </header>
            <main id="main" ref={main} tabIndex={-1}>{content}</main>
            {(session || found?.route.open) && <footer class="foot small quiet">Times are shown in {zone()}.</footer>}
            <Toasts />
        </>
    );
}
