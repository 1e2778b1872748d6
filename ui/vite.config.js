// The page is static: everything it loads has a hash in its name and comes from where index.html comes from.
import { defineConfig } from 'vite';

export default defineConfig({
    base: './',
    build: {
        target: 'es2021',
        outDir: process.env.TALLY_UI_OUT || 'dist',
        emptyOutDir: true,
        assetsInlineLimit: 0, // the policy of nginx/page.conf has no data:
        modulePreload: { polyfill: false },
    },
    // `npm run dev`: the page from the sources, the API from an instance of deploy/quickstart.
    server: {
        proxy: Object.fromEntries(
            ['/v1', '/v2', '/healthz', '/identity'].map((path) => [
                path,
                { target: process.env.TALLY_URL || 'https://localhost:8443', secure: false },
            ]),
        ),
    },
    esbuild: { jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none' },
});
