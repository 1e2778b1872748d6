/** uPlot in the page's colours: fits its box, is drawn anew when the theme changes. */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { cssColor, useShownTheme } from '../theme';

export interface ChartProps {
    /** x (seconds since 1970, or any number with time: false), then a list for each series. */
    data: uPlot.AlignedData;
    /** uPlot's options without size and data; made anew for each theme, so take colours from COLOR(name). */
    options: (color: (name: string) => string) => Omit<uPlot.Options, 'width' | 'height'>;
    height?: number;
    /** What the picture shows, for who does not see it. */
    label: string;
}

/** Axes of the page's type and colours: spread it into each axis. */
export function axis(color: (name: string) => string): uPlot.Axis {
    const font = `12px ${color('--font')}`;
    return {
        stroke: color('--text-2'), font, labelFont: font,
        grid: { stroke: color('--line'), width: 1 }, ticks: { stroke: color('--line'), width: 1, size: 4 },
    };
}

export function Chart({ data, options, height = 220, label }: ChartProps) {
    const box = useRef<HTMLDivElement>(null);
    const plot = useRef<uPlot | null>(null);
    const theme = useShownTheme();
    useEffect(() => {
        const element = box.current;
        if (!element) return undefined;
        const made = new uPlot({ ...options(cssColor), width: Math.max(200, element.clientWidth), height }, data, element);
        plot.current = made;
        const observer = new ResizeObserver(() => {
            const width = Math.max(200, element.clientWidth);
            if (width !== made.width) made.setSize({ width, height });
        });
        observer.observe(element);
        return () => {
            observer.disconnect();
            plot.current = null;
            made.destroy();
        };
    }, [theme, height]);
    useEffect(() => plot.current?.setData(data), [data]);
    return <div class="chart" ref={box} role="img" aria-label={label} />;
}
