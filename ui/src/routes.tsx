/** Every page of Tally, once: its address, its place in the navigation, the file it lives in. */
import { ComponentType } from 'preact';
import { Compare } from './pages/compare';
import { Run } from './pages/run';
import { Runs } from './pages/runs';
import { Upload } from './pages/upload';

export interface PageProps {
    /** The parts of the address that stand for something: `:uuid` of '/runs/:uuid'. */
    params: Record<string, string>;
    query: URLSearchParams;
}

export interface Route {
    pattern: string;
    page: ComponentType<PageProps>;
    /** In the navigation under this word. Pages without one are reached from others. */
    nav?: string;
    /** The navigation's entry that is marked on this page, where it has none of its own. */
    under?: string;
    /** Shown to who is not signed in, too. */
    open?: boolean;
}

export const routes: Route[] = [
    { pattern: '/', page: Runs, under: '/runs' },
    { pattern: '/runs', page: Runs, nav: 'Runs' },
    { pattern: '/runs/:uuid', page: Run, under: '/runs' },
    { pattern: '/compare/:new/:base', page: Compare, under: '/runs' },
    { pattern: '/upload', page: Upload, nav: 'Upload' },
];
