/* service.h - what tells of the service itself: versions, health, metrics. */
#ifndef TALLY_HANDLERS_SERVICE_H
#define TALLY_HANDLERS_SERVICE_H

#include "handlers/request.h"

/* GET / (300) and GET /versions (200): the image API's versions, links built from the public URL. */
bool service_root(struct request *r, struct error *err);
bool service_versions(struct request *r, struct error *err);

/* GET /v2: 302 to /v2/. */
bool service_v2(struct request *r, struct error *err);

/* GET /healthz: 200, or 503 where the database or the identity driver does not answer. */
bool service_healthz(struct request *r, struct error *err);

/* GET /metrics: Prometheus' text format. */
bool service_metrics(struct request *r, struct error *err);

#endif
