/* The least that a FastCGI program can do: threads that accept and answer always the same, as libfcgi's own
 * example does but without its mutex. What bench-http holds tally.fcgi against.
 *
 *   spawn-fcgi -n -s SOCKET -- nothing-fcgi [THREADS [BYTES]] */
#include "config.h"

#include <fcgiapp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static int body_size = 2;

static void *serve(void *unused)
{
    FCGX_Request request;
    char *body = malloc((size_t)body_size + 1);

    if (!body)
        abort();
    memset(body, ' ', (size_t)body_size);
    memcpy(body, "{}", 2);
    FCGX_InitRequest(&request, 0, 0);
    while (FCGX_Accept_r(&request) == 0) {
        FCGX_FPrintF(request.out,
                     "Status: 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
                     body_size);
        FCGX_PutStr(body, body_size, request.out);
        FCGX_Finish_r(&request);
    }
    free(body);
    return unused;
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 16;

    if (argc > 2 && atoi(argv[2]) >= 2)
        body_size = atoi(argv[2]);
    signal(SIGPIPE, SIG_IGN);
    if (FCGX_Init() != 0)
        return 1;
    for (int i = 1; i < threads; i++) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, serve, NULL) != 0)
            return 1;
    }
    serve(NULL);
    return 0;
}
