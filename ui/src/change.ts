/** What a button does at the server: whether it is under way, and where what became of it is said. */
import { useState } from 'preact/hooks';
import { toast } from './components/toast';
import { asError } from './hooks';
import { getSession } from './session';

/** A change: what is wrong stands where it was asked for, and what went well in a toast. */
export function useChange(changed: () => void) {
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<string | null>(null);
    const change = async (work: () => Promise<unknown>, done: string): Promise<boolean> => {
        setBusy(true);
        setError(null);
        try {
            await work();
            toast(done);
            changed();
            return true;
        } catch (e) {
            setError(asError(e).message);
            return false;
        } finally {
            setBusy(false);
        }
    };
    return { busy, error, change, forget: () => setError(null) };
}

/** Something by NAME that has no place to say what went wrong, such as a download: a toast says it. */
export function useErrand() {
    const [busy, setBusy] = useState('');
    const run = async (name: string, work: () => Promise<void>) => {
        setBusy(name);
        try {
            await work();
        } catch (e) {
            const error = asError(e);
            if (error.status !== 401 || getSession()) toast(error.message, true); // where the session has ended the page says so
        }
        setBusy('');
    };
    return { busy, run };
}
