/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counters in Prometheus' text exposition format 0.0.4, and the server's health. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/machine.h"
#include "serve/api.h"

#define ROUTES_MAX 64
#define STATUSES 6

static const double bounds[] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300 };
enum { BOUNDS = sizeof bounds / sizeof *bounds };

struct metrics {
	struct { const char *route; uint64_t by_status[STATUSES]; } requests[ROUTES_MAX];
	int n_routes;
	uint64_t buckets[BOUNDS + 1], count, bytes;
	double seconds;
};

int metrics_new(struct metrics **ret, struct madrigal_error *err)
{
	struct metrics *m = calloc(1, sizeof *m);
	if (!m)
		return err_nomem(err);
	*ret = m;
	return 0;
}

void metrics_free(struct metrics *m)
{
	free(m);
}

void metrics_count(struct metrics *m, const char *route, int status, double seconds, uint64_t bytes)
{
	int i = 0;
	while (i < m->n_routes && strcmp(m->requests[i].route, route))
		i++;
	if (i == m->n_routes && i < ROUTES_MAX)
		m->requests[m->n_routes++].route = route;
	if (i < ROUTES_MAX)
		m->requests[i].by_status[status >= 100 && status < 600 ? status / 100 : 0]++;
	int b = 0;
	while (b < BOUNDS && seconds > bounds[b])
		b++;
	m->buckets[b]++;
	m->count++;
	m->seconds += seconds;
	m->bytes += bytes;
}

static void head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_addf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_requests(struct buf *b, const struct metrics *m)
{
	head(b, "madrigal_http_requests_total", "counter", "Requests answered, by route and class of status.");
	for (int i = 0; i < m->n_routes; i++)
		for (int s = 0; s < STATUSES; s++)
			if (m->requests[i].by_status[s])
				buf_addf(b, "madrigal_http_requests_total{route=\"%s\",status=\"%dxx\"} %llu\n", m->requests[i].route, s, (unsigned long long)m->requests[i].by_status[s]);
	head(b, "madrigal_http_request_seconds", "histogram", "From a request's first byte to its answer's last.");
	uint64_t sum = 0;
	for (int i = 0; i < BOUNDS; i++) {
		sum += m->buckets[i];
		buf_addf(b, "madrigal_http_request_seconds_bucket{le=\"%g\"} %llu\n", bounds[i], (unsigned long long)sum);
	}
	buf_addf(b, "madrigal_http_request_seconds_bucket{le=\"+Inf\"} %llu\nmadrigal_http_request_seconds_sum %.6f\nmadrigal_http_request_seconds_count %llu\n",
	         (unsigned long long)m->count, m->seconds, (unsigned long long)m->count);
	head(b, "madrigal_http_sent_bytes_total", "counter", "Bytes sent in answers.");
	buf_addf(b, "madrigal_http_sent_bytes_total %llu\n", (unsigned long long)m->bytes);
}

void metrics_get(struct call *c)
{
	struct buf b = buf_init(256 * 1024);
	struct queue_counts q = { 0 };
	struct madrigal_error err = { 0 };
	write_requests(&b, c->api->metrics);
	if (queue_count(c->api->store, &q, &err) == 0) {
		head(&b, "madrigal_jobs", "gauge", "Jobs in the database, by state.");
		buf_addf(&b, "madrigal_jobs{state=\"queued\"} %lld\nmadrigal_jobs{state=\"running\"} %lld\nmadrigal_jobs{state=\"done\"} %lld\nmadrigal_jobs{state=\"failed\"} %lld\n"
		             "madrigal_jobs{state=\"cancelled\"} %lld\n", (long long)q.queued, (long long)q.running, (long long)q.done, (long long)q.failed, (long long)q.cancelled);
	}
	head(&b, "madrigal_waiting_requests", "gauge", "Requests that wait for their song.");
	buf_addf(&b, "madrigal_waiting_requests %d\n", wait_count(c->api));
	head(&b, "madrigal_connections", "gauge", "Open connections.");
	buf_addf(&b, "madrigal_connections %d\n", http_server_connections(c->api->server));
	head(&b, "process_resident_memory_bytes", "gauge", "Resident memory.");
	buf_addf(&b, "process_resident_memory_bytes %zu\n", machine_resident_bytes());
	if (b.failed)
		answer_error(c, 500, MINIMAX_INTERNAL, "Internal server error", NULL);
	else
		http_reply(c->x, 200, "text/plain; version=0.0.4", b.data, b.len);
	buf_release(&b);
}

void health(struct call *c)
{
	struct queue_counts q = { 0 };
	struct madrigal_error err = { 0 };
	if (queue_count(c->api->store, &q, &err) || c->api->stopping)
		answer_json(c, 503, json_pack("{s:s}", "status", c->api->stopping ? "stopping" : "store unavailable"));
	else
		answer_json(c, 200, json_pack("{s:s, s:s, s:I, s:I}", "status", "ok", "version", madrigal_version(), "queued", (json_int_t)q.queued, "running", (json_int_t)q.running));
}
