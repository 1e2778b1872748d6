// Fails when what a visitor loads (scripts, styles, the page itself) exceeds the budget after gzip.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const BUDGET = 150 * 1024;
const root = process.env.TALLY_UI_OUT || 'dist';

function files(folder) {
    return readdirSync(folder).flatMap((name) => {
        const path = join(folder, name);
        return statSync(path).isDirectory() ? files(path) : [path];
    });
}

let total = 0;
for (const path of files(root).filter((p) => /\.(js|css|html|svg)$/.test(p))) {
    total += gzipSync(readFileSync(path), { level: 9 }).length;
}
console.log(`bundle: ${(total / 1024).toFixed(1)} KiB after gzip, of ${BUDGET / 1024}`);
if (total > BUDGET) {
    console.error('the bundle is over its budget');
    process.exit(1);
}
