/** Every page of Tally, once: its address, its place in the navigation, the file it lives in. */
import { ComponentType } from 'preact';
import { Compare } from './pages/compare';
import { Flaky } from './pages/flaky';
import { Image } from './pages/image';
import { Images } from './pages/images';
import { Keys } from './pages/keys';
import { Result } from './pages/result';
import { Results } from './pages/results';
import { Run } from './pages/run';
import { Runs } from './pages/runs';
import { Task } from './pages/task';
import { NewTask } from './pages/task-new';
import { Tasks } from './pages/tasks';
import { Test } from './pages/test';
import { Tests } from './pages/tests';
import { Trends } from './pages/trends';
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
    { pattern: '/tests', page: Tests, nav: 'Tests' },
    { pattern: '/tests/flaky', page: Flaky, under: '/tests' },
    { pattern: '/tests/:id', page: Test, under: '/tests' },
    { pattern: '/trends', page: Trends, nav: 'Trends' },
    { pattern: '/results', page: Results, nav: 'Results', open: true },
    { pattern: '/results/:id', page: Result, under: '/results', open: true },
    { pattern: '/keys', page: Keys, under: '/results' },
    { pattern: '/images', page: Images, nav: 'Images' },
    { pattern: '/images/:id', page: Image, under: '/images' },
    { pattern: '/tasks', page: Tasks, nav: 'Tasks' },
    { pattern: '/tasks/new', page: NewTask, under: '/tasks' },
    { pattern: '/tasks/:id', page: Task, under: '/tasks' },
];
