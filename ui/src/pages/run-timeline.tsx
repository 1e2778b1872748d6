/** Which worker ran what when, on a canvas: drag to move, Ctrl and the wheel or + and - to zoom, arrows to go from test to test. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Badge, Button, EmptyState, Text } from '../components/basic';
import { failed } from '../evidence';
import { duration, percent, plural } from '../format';
import { useKeptState } from '../kept';
import type { RunRows } from '../run-rows';
import { cssColor, useShownTheme } from '../theme';
import { Lane, Lanes, Timed, at, before, layOut, mark, step } from '../timeline';

const HEAD = 24; // the axis
const NARROWEST = 1e-4; // seconds that the whole width may show

interface View {
    from: number;
    to: number;
}

interface Place {
    lane: number;
    index: number;
}

// From below to above, where several tests share a pixel.
const COLORS = ['--bad-bar', '--warn-bar', '--edge', '--good-bar'] as const;
const LEAST = 3; // pixels that a failure is high, however small its share

/** The place in COLORS. */
function kindOf(status: string): number {
    return failed(status) ? 0 : status === 'skip' ? 1 : status === 'success' || status === 'xfail' ? 3 : 2;
}

/** Rectangles of a color each: left, top, width, height. */
type Bars = [number, number, number, number][][];

/**
 * The bars of LANE between TOP and TOP + TALL. Tests that are narrower than two pixels share theirs: each colour is as high
 * as its share of the tests there, so that failures that are few among many are seen, and are seen to be few.
 */
function barsOf(lane: Lane, view: View, width: number, top: number, tall: number, bars: Bars): void {
    const perSecond = width / (view.to - view.from);
    const shared = new Uint32Array((Math.ceil(width) + 2) * COLORS.length); // of each pixel the tests of each colour
    for (let k = Math.max(0, before(lane, view.from) - 1); k < lane.tests.length; k++) {
        const t = lane.tests[k];
        if (!t || t.start > view.to) break;
        const left = (t.start - view.from) * perSecond;
        const right = left + t.seconds * perSecond;
        if (right < 0) continue;
        const kind = kindOf(t.status);
        if (right - left >= 2) {
            bars[kind]?.push([left, top, right - left - 0.5, tall]);
            continue;
        }
        // a bar that ends where a pixel begins is not in that pixel
        for (let x = Math.max(0, Math.floor(left)); x === Math.floor(left) || x < right - 0.01; x++) {
            const at = x * COLORS.length + kind;
            shared[at] = (shared[at] ?? 0) + 1;
        }
    }
    for (let at = 0; at < shared.length; at += COLORS.length) {
        let left = 0;
        for (let kind = 0; kind < COLORS.length; kind++) left += shared[at + kind] ?? 0;
        let bottom = top + tall;
        for (let kind = 0; left > 0 && kind < COLORS.length; kind++) {
            const tests = shared[at + kind] ?? 0;
            if (tests === 0) continue;
            const share = ((bottom - top) * tests) / left;
            const high = tests === left ? bottom - top : kind === 0 ? Math.max(Math.min(LEAST, tall / 2), share) : share;
            bars[kind]?.push([at / COLORS.length, bottom - high, 1, high]);
            bottom -= high;
            left -= tests;
        }
    }
}

function draw(canvas: HTMLCanvasElement, lanes: Lanes, view: View, laneHeight: number, chosen: Timed | null): void {
    const scale = window.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = HEAD + lanes.lanes.length * laneHeight;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const g = canvas.getContext('2d');
    if (!g) return;
    g.scale(scale, scale);
    const perSecond = width / (view.to - view.from);
    const x = (time: number) => (time - view.from) * perSecond;
    g.font = `12px ${cssColor('--font')}`;
    g.textBaseline = 'middle';
    const by = step(view.to - view.from, width / 90);
    for (let t = Math.ceil((view.from - lanes.from) / by) * by; t <= view.to - lanes.from; t += by) {
        const left = Math.round(x(lanes.from + t)) + 0.5;
        g.fillStyle = cssColor('--line');
        g.fillRect(left, HEAD - 4, 1, height);
        g.fillStyle = cssColor('--text-2');
        g.fillText(mark(t, by), left + 4, HEAD / 2);
    }
    const bars: Bars = COLORS.map(() => []);
    g.fillStyle = cssColor('--line');
    lanes.lanes.forEach((lane, i) => {
        const top = HEAD + i * laneHeight + 2;
        const tall = Math.max(2, laneHeight - 4);
        g.fillRect(0, top + tall + 1, width, 1);
        barsOf(lane, view, width, top, tall, bars);
    });
    // Failures last: no other bar lies over one.
    for (let kind = COLORS.length - 1; kind >= 0; kind--) {
        g.fillStyle = cssColor(COLORS[kind] ?? '');
        for (const bar of bars[kind] ?? []) g.fillRect(...bar);
    }
    if (chosen) {
        const i = lanes.lanes.findIndex((lane) => lane.tests.includes(chosen));
        const left = x(chosen.start);
        g.strokeStyle = cssColor('--text');
        g.lineWidth = 2;
        g.strokeRect(left - 1, HEAD + i * laneHeight + 1, Math.max(3, chosen.seconds * perSecond) + 1, laneHeight - 2);
    }
}

function zoomed(view: View, lanes: Lanes, factor: number, around: number): View {
    const span = Math.min(lanes.to - lanes.from, Math.max(NARROWEST, (view.to - view.from) * factor));
    const share = (around - view.from) / (view.to - view.from);
    return clamped({ from: around - span * share, to: around + span * (1 - share) }, lanes);
}

function clamped(view: View, lanes: Lanes): View {
    const span = Math.min(view.to - view.from, lanes.to - lanes.from);
    const from = Math.min(Math.max(view.from, lanes.from), lanes.to - span);
    return { from, to: from + span };
}

function Plot({ lanes, onOpen }: { lanes: Lanes; onOpen: (id: number) => void }) {
    const canvas = useRef<HTMLCanvasElement>(null);
    const theme = useShownTheme();
    const [view, setView] = useKeptState<View>('timeline', { from: lanes.from, to: lanes.to });
    const [place, setPlace] = useState<Place | null>(null); // of the keyboard
    const [hover, setHover] = useState<{ test: Timed; x: number; y: number } | null>(null);
    const [size, setSize] = useState(0);
    const drag = useRef<{ x: number; view: View; moved: boolean } | null>(null);
    const tip = useRef<HTMLDivElement>(null);
    const laneHeight = lanes.lanes.length <= 16 ? 28 : lanes.lanes.length <= 40 ? 16 : 10;
    const chosen = place ? lanes.lanes[place.lane]?.tests[place.index] ?? null : null;

    // More tests arrive while one looks: who sees all goes on seeing all.
    const whole = useRef({ from: lanes.from, to: lanes.to });
    useEffect(() => {
        const old = whole.current;
        setView((v) => (v.from === old.from && v.to === old.to ? { from: lanes.from, to: lanes.to } : clamped(v, lanes)));
        whole.current = { from: lanes.from, to: lanes.to };
    }, [lanes]);
    useEffect(() => {
        const element = canvas.current;
        if (!element) return undefined;
        element.style.height = `${HEAD + lanes.lanes.length * laneHeight}px`;
        const frame = requestAnimationFrame(() => draw(element, lanes, view, laneHeight, chosen ?? hover?.test ?? null));
        return () => cancelAnimationFrame(frame);
    }, [lanes, view, chosen, hover?.test, theme, size, laneHeight]);
    useEffect(() => {
        const element = canvas.current;
        if (!element) return undefined;
        const observer = new ResizeObserver(() => setSize(element.clientWidth));
        observer.observe(element);
        // Preact's own listener could not stop the browser from zooming the page.
        const onWheel = (e: WheelEvent) => {
            if (!e.ctrlKey && !e.metaKey) return;
            e.preventDefault();
            setView((v) => zoomed(v, lanes, e.deltaY > 0 ? 1.25 : 0.8, v.from + (e.offsetX / element.clientWidth) * (v.to - v.from)));
        };
        element.addEventListener('wheel', onWheel, { passive: false });
        return () => {
            observer.disconnect();
            element.removeEventListener('wheel', onWheel);
        };
    }, [lanes]);
    useEffect(() => {
        const element = tip.current;
        if (!element || !hover || !canvas.current) return;
        element.style.left = `${Math.max(0, Math.min(hover.x + 12, canvas.current.clientWidth - element.offsetWidth))}px`;
        element.style.top = `${hover.y + 18}px`;
    }, [hover]);

    const find = (e: { offsetX: number; offsetY: number }): Timed | null => {
        const lane = lanes.lanes[Math.floor((e.offsetY - HEAD) / laneHeight)];
        const perPixel = (view.to - view.from) / (canvas.current?.clientWidth || 1);
        return lane && e.offsetY >= HEAD ? at(lane, view.from + e.offsetX * perPixel, 3 * perPixel) : null;
    };
    const onPointerMove = (e: PointerEvent) => {
        const from = drag.current;
        if (from && canvas.current) {
            const by = ((from.x - e.offsetX) / canvas.current.clientWidth) * (from.view.to - from.view.from);
            if (Math.abs(from.x - e.offsetX) > 3) from.moved = true;
            if (from.moved) {
                setHover(null);
                setView(clamped({ from: from.view.from + by, to: from.view.to + by }, lanes));
                return;
            }
        }
        const test = find(e);
        setHover(test && { test, x: e.offsetX, y: e.offsetY });
    };
    const onPointerUp = (e: PointerEvent) => {
        const moved = drag.current?.moved;
        drag.current = null;
        const test = moved ? null : find(e);
        if (test) onOpen(test.id);
    };
    const zoom = (factor: number) => setView((v) => zoomed(v, lanes, factor, chosen ? chosen.start : (v.from + v.to) / 2));
    const select = (lane: number, index: number) => {
        const tests = lanes.lanes[lane]?.tests ?? [];
        const test = tests[Math.min(tests.length - 1, Math.max(0, index))];
        if (!test) return;
        setPlace({ lane, index: tests.indexOf(test) });
        if (test.start < view.from || test.start + test.seconds > view.to) {
            const span = view.to - view.from;
            setView(clamped({ from: test.start - span / 2, to: test.start + span / 2 }, lanes));
        }
    };
    const onKeyDown = (e: KeyboardEvent) => {
        const lane = place?.lane ?? 0;
        const keys: Record<string, () => void> = {
            ArrowRight: () => select(lane, place ? place.index + 1 : 0),
            ArrowLeft: () => select(lane, place ? place.index - 1 : 0),
            ArrowDown: () => goLane(lane + 1),
            ArrowUp: () => goLane(lane - 1),
            Enter: () => chosen && onOpen(chosen.id),
            '+': () => zoom(0.5), '=': () => zoom(0.5), '-': () => zoom(2), 0: () => setView({ from: lanes.from, to: lanes.to }),
        };
        const goLane = (to: number) => {
            const target = lanes.lanes[to];
            if (target) select(to, Math.max(0, before(target, chosen?.start ?? view.from)));
        };
        const action = keys[e.key];
        if (!action || e.ctrlKey || e.metaKey || e.altKey) return;
        e.preventDefault();
        action();
    };
    const spoken = chosen ? `${chosen.name}, ${chosen.status}, ${duration(chosen.seconds)}${chosen.worker ? ', ' + chosen.worker : ''}` : '';
    return (
        <div class="card timeline">
            <div class="row timeline-tools">
                <span class="quiet small">
                    <span class="for-mouse">Drag to move, Ctrl and the wheel to zoom. </span>
                    Keys: arrows, +, −, 0 for all, Enter opens.
                </span>
                <span class="row">
                    <Button onClick={() => zoom(0.5)} aria-label="Zoom in" class="icon-button">+</Button>
                    <Button onClick={() => zoom(2)} aria-label="Zoom out" class="icon-button">−</Button>
                    <Button onClick={() => setView({ from: lanes.from, to: lanes.to })}>All</Button>
                </span>
            </div>
            <div class="timeline-plot">
                <div class="timeline-names" aria-hidden="true">
                    {lanes.lanes.map((lane, i) => (
                        <span key={i} style={{ height: `${laneHeight}px` }}>{laneHeight >= 16 ? lane.name ?? (i === 0 ? 'tests' : '') : ''}</span>
                    ))}
                </div>
                <div class="timeline-canvas">
                    <canvas ref={canvas} tabIndex={0} role="application" aria-label="Timeline of workers"
                        onPointerDown={(e) => {
                            drag.current = { x: e.offsetX, view, moved: false };
                            e.currentTarget.setPointerCapture(e.pointerId);
                        }}
                        onPointerMove={onPointerMove} onPointerUp={onPointerUp} onPointerLeave={() => setHover(null)}
                        onDblClick={(e) => {
                            const element = e.currentTarget;
                            setView((v) => zoomed(v, lanes, 0.4, v.from + (e.offsetX / element.clientWidth) * (v.to - v.from)));
                        }}
                        onKeyDown={onKeyDown} />
                    {hover && (
                        <div class="tip" ref={tip} role="presentation">
                            <div><Badge>{hover.test.status}</Badge> <span class="num">{duration(hover.test.seconds)}</span></div>
                            <Text>{hover.test.name}</Text>
                        </div>
                    )}
                </div>
            </div>
            <p class="timeline-chosen small" role="status"><Text>{spoken}</Text></p>
            <p class="quiet small">Green passed, yellow was skipped, red failed; where many share a pixel, each as high as its share.</p>
        </div>
    );
}

export function Timeline({ data, onOpen }: { data: RunRows; onOpen: (id: number) => void }) {
    const lanes = useMemo(() => layOut(data.rows), [data.version]);
    if (lanes.lanes.length === 0) {
        return <EmptyState title="No times"><p>The stream says of no test when it began and ended.</p></EmptyState>;
    }
    const wall = lanes.to - lanes.from;
    const named = lanes.lanes.filter((lane) => lane.name !== null).length;
    return (
        <>
            <p class="quiet small">
                {named > 0 ? plural(named, 'worker') : `${plural(lanes.lanes.length, 'test')} at once at most`}, {duration(wall)} from first to last,
                {' '}{percent(Math.min(lanes.busy, wall * lanes.lanes.length), wall * lanes.lanes.length)} of it in tests
                {lanes.left > 0 && `; ${plural(lanes.left, 'test')} without times`}.
            </p>
            <Plot lanes={lanes} onOpen={onOpen} />
        </>
    );
}
