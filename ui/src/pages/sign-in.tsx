/** Sign in with Keystone's user and password, or with a token. Shown in the place of any page that needs it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../api';
import { Button, ErrorNote, Field, Loading, Note } from '../components/basic';
import { useWaiting } from '../drafts';
import { asError, useResource, useTitle } from '../hooks';
import { Project, chooseProject, getHealth, signInByPassword, signInByToken } from '../identity';
import { navigate, useLocation } from '../router';
import { Session, signIn, useFarewell, useOffer } from '../session';

/** Runs one request at a time; its answer is dropped when the form is left. */
function useSubmit() {
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<ApiError | null>(null);
    const controller = useRef<AbortController | null>(null);
    useEffect(() => () => controller.current?.abort(), []);
    const submit = async (work: (signal: AbortSignal) => Promise<void>) => {
        const mine = new AbortController();
        controller.current = mine;
        setBusy(true);
        setError(null);
        try {
            await work(mine.signal);
        } catch (e) {
            if (!mine.signal.aborted) setError(asError(e));
        } finally {
            if (!mine.signal.aborted) setBusy(false);
        }
    };
    return { busy, error, submit };
}

function useEnter() {
    const { path, query } = useLocation();
    return (session: Session) => {
        signIn(session);
        if (path === '/sign-in') navigate('#' + (query.get('to') ?? '/'), true);
    };
}

/** Keystone's own words for a wrong password speak of authentication; the form says what to do. */
function wordsFor(error: ApiError, refused: string): ApiError {
    return error.status === 401 ? new ApiError(401, refused) : error;
}

function ProjectChoice({ projects, unscoped, back }: { projects: Project[]; unscoped: string; back: () => void }) {
    const { busy, error, submit } = useSubmit();
    const enter = useEnter();
    return (
        <div class="stack">
            <p>You belong to several projects. Runs and images are a project's: which one do you want to work in?</p>
            <ul class="choice-list">
                {projects.map((p) => (
                    <li key={p.id}>
                        <Button disabled={busy} onClick={() => submit(async (signal) => enter(await chooseProject(unscoped, p, signal)))}>
                            <bdi>{p.name}</bdi>
                        </Button>
                    </li>
                ))}
            </ul>
            {error && <ErrorNote error={error} />}
            <Button kind="quiet" onClick={back}>Back</Button>
        </div>
    );
}

function PasswordForm() {
    const [values, setValues] = useState({ user: '', password: '', project: '', domain: 'Default', projectDomain: '' });
    const [choice, setChoice] = useState<{ projects: Project[]; unscoped: string } | null>(null);
    const { busy, error, submit } = useSubmit();
    const enter = useEnter();
    const set = (name: keyof typeof values) => (e: Event) =>
        setValues({ ...values, [name]: (e.currentTarget as HTMLInputElement).value });
    if (choice) return <ProjectChoice {...choice} back={() => setChoice(null)} />;
    const onSubmit = (e: Event) => {
        e.preventDefault();
        void submit(async (signal) => {
            const result = await signInByPassword({ ...values, user: values.user.trim(), project: values.project.trim() }, signal);
            if ('session' in result) enter(result.session);
            else setChoice(result);
        });
    };
    return (
        <form class="stack" onSubmit={onSubmit}>
            <Field id="user" label="User name">
                <input id="user" autocomplete="username" required value={values.user} onInput={set('user')} autoFocus />
            </Field>
            <Field id="password" label="Password">
                <input id="password" type="password" autocomplete="current-password" required value={values.password}
                    onInput={set('password')} />
            </Field>
            <Field id="project" label="Project" hint="Leave it empty to choose from yours.">
                <input id="project" aria-describedby="project-hint" value={values.project} onInput={set('project')} />
            </Field>
            <details class="more-fields">
                <summary>Domains</summary>
                <Field id="domain" label="User's domain">
                    <input id="domain" required value={values.domain} onInput={set('domain')} />
                </Field>
                <Field id="project-domain" label="Project's domain" hint="Empty: the same.">
                    <input id="project-domain" aria-describedby="project-domain-hint" value={values.projectDomain} onInput={set('projectDomain')} />
                </Field>
            </details>
            {error && <ErrorNote error={wordsFor(error, 'Keystone knows no such user, password and project. Nothing was changed; try again.')} />}
            <Button type="submit" kind="primary" busy={busy}>Sign in</Button>
        </form>
    );
}

/** The token of what was pasted, which may be a whole header line. */
function bare(text: string): string {
    return text.trim().replace(/^x-auth-token\s*:\s*/i, '');
}

function TokenForm() {
    const [token, setToken] = useState('');
    const { busy, error, submit } = useSubmit();
    const enter = useEnter();
    const onSubmit = (e: Event) => {
        e.preventDefault();
        void submit(async (signal) => enter(await signInByToken(bare(token), signal)));
    };
    return (
        <form class="stack" onSubmit={onSubmit}>
            <Field id="token" label="Token" hint={<>What <code>openstack token issue -f value -c id</code> prints, or your administrator gave you.</>}>
                <input id="token" type="password" autocomplete="off" spellcheck={false} required aria-describedby="token-hint"
                    value={token} onInput={(e) => setToken(e.currentTarget.value)} />
            </Field>
            {error && <ErrorNote error={wordsFor(error, 'The server does not take this token: it is mistyped, or has expired.')} />}
            <Button type="submit" kind="primary" busy={busy}>Sign in</Button>
        </form>
    );
}

export function SignIn() {
    useTitle('Sign in');
    const farewell = useFarewell();
    const waiting = useWaiting();
    const offer = useOffer();
    const enter = useEnter();
    const health = useResource(getHealth, []);
    const [byToken, setByToken] = useState(false);
    // A server that is not well may still let people in; one that knows tokens only has no password to ask for.
    const tokensOnly = health.data !== null && health.data.identity_driver !== 'keystone';
    return (
        <div class="sign-in">
            <h1>Sign in</h1>
            <p class="lead">Test evidence and images of your OpenStack projects.</p>
            {farewell && <div role="status"><Note>{farewell}{waiting && ' What you had chosen and typed is kept until then, as long as this tab stays open.'}</Note></div>}
            {offer && (
                <div class="card stack">
                    <p>In another tab you are signed in.</p>
                    <Button kind="primary" onClick={() => enter(offer)}>
                        <span>Go on as <bdi>{offer.userName}</bdi>{offer.projectName !== null && <> in <bdi>{offer.projectName}</bdi></>}</span>
                    </Button>
                </div>
            )}
            {health.error && <ErrorNote error={health.error} retry={health.reload} />}
            {health.loading && !health.error ? <Loading lines={3} /> : (
                <div class="card">
                    {byToken || tokensOnly ? <TokenForm /> : <PasswordForm />}
                    {!tokensOnly && (
                        <p class="switch">
                            <Button kind="quiet" onClick={() => setByToken(!byToken)}>
                                {byToken ? 'Use a password instead' : 'Use a token instead'}
                            </Button>
                        </p>
                    )}
                </div>
            )}
        </div>
    );
}
