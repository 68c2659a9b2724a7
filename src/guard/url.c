/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses: which may be asked for at all, by their text, and which by the number that a name turns out to have. */
#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "guard/guard_internal.h"

#define URL_MAX 2048

static int has_bad_character(const char *url)
{
	for (const unsigned char *p = (const unsigned char *)url; *p; p++)
		if (*p <= ' ' || *p == 0x7f || *p == '\\')
			return 1;
	return 0;
}

/* One part of the address into ret; "" if it has none. */
static int part(CURLU *u, CURLUPart what, unsigned flags, char *ret, size_t n)
{
	char *text = NULL;
	CURLUcode rc = curl_url_get(u, what, &text, flags);
	int ok = rc != CURLUE_OK || strlen(text) < n;
	snprintf(ret, n, "%s", rc == CURLUE_OK && ok ? text : "");
	curl_free(text);
	return ok ? 0 : -1;
}

int url_parse(const char *url, int allow_private, struct target *ret)
{
	struct target t = { 0 };
	char user[64], port[16];
	size_t n = strlen(url);
	/* curl forgives a wrong number of slashes. */
	const char *slashes = strstr(url, "://");
	if (n < 8 || n > URL_MAX || has_bad_character(url) || !slashes || slashes[3] == '/')
		return -1;
	CURLU *u = curl_url();
	if (!u)
		return -1;
	int rc = curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER) ? -1 : 0;
	if (!rc)
		rc = part(u, CURLUPART_SCHEME, 0, t.scheme, sizeof t.scheme) | part(u, CURLUPART_HOST, 0, t.host, sizeof t.host) | part(u, CURLUPART_USER, 0, user, sizeof user) |
		     part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof port);
	curl_url_cleanup(u);
	if (rc || *user || !*t.host || (strcmp(t.scheme, "http") && strcmp(t.scheme, "https")))
		return -1;
	t.port = atoi(port);
	if (t.port < 1 || t.port > 65535 || (!allow_private && t.port != 80 && t.port != 443))
		return -1;
	*ret = t;
	return 0;
}

/* IANA's IPv4 and IPv6 special-purpose address registries, and multicast. */
static const struct { const char *net; int bits; } not_public4[] = {
	{ "0.0.0.0", 8 }, { "10.0.0.0", 8 }, { "100.64.0.0", 10 }, { "127.0.0.0", 8 }, { "169.254.0.0", 16 }, { "172.16.0.0", 12 }, { "192.0.0.0", 24 }, { "192.0.2.0", 24 },
	{ "192.31.196.0", 24 }, { "192.52.193.0", 24 }, { "192.88.99.0", 24 }, { "192.168.0.0", 16 }, { "192.175.48.0", 24 }, { "198.18.0.0", 15 }, { "198.51.100.0", 24 },
	{ "203.0.113.0", 24 }, { "224.0.0.0", 4 }, { "240.0.0.0", 4 },
};
static const struct { const char *net; int bits; } not_public6[] = {
	{ "::", 96 }, { "::ffff:0:0", 96 }, { "64:ff9b::", 96 }, { "64:ff9b:1::", 48 }, { "100::", 64 }, { "2001::", 23 }, { "2001:db8::", 32 }, { "2002::", 16 }, { "3fff::", 20 },
	{ "5f00::", 16 }, { "fc00::", 7 }, { "fe80::", 10 }, { "fec0::", 10 }, { "ff00::", 8 },
};

static int same_bits(const unsigned char *a, const unsigned char *b, int bits)
{
	int whole = bits / 8, rest = bits % 8;
	return !memcmp(a, b, (size_t)whole) && (!rest || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

int address_is_public(const struct sockaddr *a)
{
	unsigned char net[16];
	if (a->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)a;
		for (size_t i = 0; i < sizeof not_public4 / sizeof *not_public4; i++)
			if (inet_pton(AF_INET, not_public4[i].net, net) == 1 && same_bits((const unsigned char *)&in->sin_addr, net, not_public4[i].bits))
				return 0;
		return 1;
	}
	if (a->sa_family != AF_INET6)
		return 0;
	const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)a;
	for (size_t i = 0; i < sizeof not_public6 / sizeof *not_public6; i++)
		if (inet_pton(AF_INET6, not_public6[i].net, net) == 1 && same_bits(in->sin6_addr.s6_addr, net, not_public6[i].bits))
			return 0;
	return 1;
}

int guard_url_ok(const char *url, int allow_private)
{
	struct target t;
	return url_parse(url, allow_private, &t) == 0;
}
