/** Numbers, times and sizes as people read them; every one has the exact value for a tooltip. */

const whole = new Intl.NumberFormat('en-US');
const date = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

export const NONE = '–';

export function count(n: number | null | undefined): string {
    return n === null || n === undefined ? NONE : whole.format(n);
}

/** '1 test', '2 tests', '1,200 tests' */
export function plural(n: number, one: string, many = one + 's'): string {
    return `${whole.format(n)} ${n === 1 ? one : many}`;
}

export function percent(part: number, of: number): string {
    if (!of) return NONE;
    const p = (100 * part) / of;
    // 99.96 % is not 100 %
    return (p > 99.9 && p < 100 ? '99.9' : p > 0 && p < 0.1 ? '0.1' : p.toFixed(p === 100 || p === 0 ? 0 : 1)) + ' %';
}

/** Seconds: '850 µs', '42 ms', '1.24 s', '3 min 05 s', '2 h 07 min'. */
export function duration(s: number | null | undefined): string {
    if (s === null || s === undefined || !Number.isFinite(s)) return NONE;
    const sign = s < 0 ? '−' : '';
    const v = Math.abs(s);
    if (v === 0) return '0 s';
    if (v < 0.0005) return `${sign}${Math.max(1, Math.round(v * 1e6))} µs`;
    if (v < 0.9995) return `${sign}${v < 0.00995 ? (v * 1000).toFixed(1) : Math.round(v * 1000)} ms`;
    if (v < 59.95) return `${sign}${v.toFixed(v < 9.995 ? 2 : 1)} s`;
    const t = Math.round(v);
    if (t < 3600) return `${sign}${Math.floor(t / 60)} min ${String(t % 60).padStart(2, '0')} s`;
    const m = Math.round(v / 60);
    return `${sign}${whole.format(Math.floor(m / 60))} h ${String(m % 60).padStart(2, '0')} min`;
}

export function bytes(n: number | null | undefined): string {
    if (n === null || n === undefined) return NONE;
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    let v = n;
    let i = 0;
    while (v >= 1023.95 && i < units.length - 1) {
        v /= 1024;
        i++;
    }
    return `${i === 0 ? v : v.toFixed(v < 10 ? 2 : v < 100 ? 1 : 0)} ${units[i]}`;
}

/** The API's times are UTC, with or without the Z. */
export function parseTime(iso: string | null | undefined): Date | null {
    if (!iso) return null;
    const t = new Date(/(Z|[+-]\d\d:?\d\d)$/.test(iso) ? iso : iso.replace(' ', 'T') + 'Z');
    return Number.isNaN(t.getTime()) ? null : t;
}

/** '22 Nov 2026, 03:14' in the reader's zone. */
export function dateTime(iso: string | null | undefined): string {
    const t = parseTime(iso);
    return t ? `${date.format(t)}, ${time.format(t)}` : NONE;
}

/** The zone that times are shown in: 'UTC', 'Europe/Vienna (UTC+1)'. */
export function zone(now = new Date()): string {
    const name = date.resolvedOptions().timeZone;
    const minutes = -now.getTimezoneOffset();
    if (minutes === 0 && /^(etc\/)?(utc|gmt)$/i.test(name)) return 'UTC';
    const [h, m] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
    return `${name} (UTC${minutes < 0 ? '−' : '+'}${h}${m ? ':' + String(m).padStart(2, '0') : ''})`;
}

/** '5 min ago', '3 d ago'; older ones as dateTime() has them. */
export function ago(iso: string | null | undefined, now = Date.now()): string {
    const t = parseTime(iso);
    if (!t) return NONE;
    const s = Math.round((now - t.getTime()) / 1000);
    if (s < -60) return dateTime(iso);
    if (s < 60) return 'just now';
    if (s < 3600) return `${Math.floor(s / 60)} min ago`;
    if (s < 86400) return `${Math.floor(s / 3600)} h ago`;
    if (s < 7 * 86400) return `${Math.floor(s / 86400)} d ago`;
    return dateTime(iso);
}

/** A time as the API takes it. */
export function toUtc(t: Date): string {
    return t.toISOString().slice(0, 19).replace('T', ' ');
}

/** The beginning or end of a day in the reader's zone ('2026-11-22', as date fields have it), as the API takes it. */
export function dayToUtc(day: string, end: boolean): string {
    const t = new Date(`${day}T${end ? '23:59:59' : '00:00:00'}`);
    return Number.isNaN(t.getTime()) ? day : toUtc(t);
}

const chartDay = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const chartMonth = new Intl.DateTimeFormat('en-GB', { month: 'short', year: 'numeric' });

/** A time (seconds since 1970) on an axis, as fine as the STEP between two, in seconds, wants it. */
export function chartTick(seconds: number, step: number): string {
    const t = new Date(seconds * 1000);
    if (step >= 28 * 86400) return chartMonth.format(t);
    // among hours midnight says which day begins
    const midnight = t.getHours() === 0 && t.getMinutes() === 0;
    return (step >= 86400 || midnight ? chartDay : time).format(t);
}
