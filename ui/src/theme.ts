/** Light, dark, or what the system says. Kept in localStorage; the style sheet reads html[data-theme]. */
import { createStore, useStore } from './store';

export type Theme = 'auto' | 'light' | 'dark';
const KEY = 'tally-theme';
const dark = window.matchMedia('(prefers-color-scheme: dark)');

function load(): Theme {
    try {
        const value = localStorage.getItem(KEY);
        return value === 'light' || value === 'dark' ? value : 'auto';
    } catch {
        return 'auto';
    }
}

const theme = createStore<Theme>(load());
/** What is shown: charts draw themselves anew when it changes. */
const shown = createStore<'light' | 'dark'>('light');

function apply(): void {
    const value = theme.get();
    shown.set(value === 'auto' ? (dark.matches ? 'dark' : 'light') : value);
    document.documentElement.dataset.theme = shown.get();
}

apply();
theme.subscribe(apply);
dark.addEventListener('change', apply);

export function useTheme(): Theme {
    return useStore(theme);
}

export function useShownTheme(): 'light' | 'dark' {
    return useStore(shown);
}

export function setTheme(value: Theme): void {
    try {
        if (value === 'auto') localStorage.removeItem(KEY);
        else localStorage.setItem(KEY, value);
    } catch {
        // it then lasts as long as the page
    }
    theme.set(value);
}

/** The value of a custom property of the style sheet, for canvases. */
export function cssColor(name: string): string {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
