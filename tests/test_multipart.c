/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "http/http.h"

#define TYPE "multipart/form-data; boundary=XX"

/* Splits the same body in memory and in a file; both must agree. Returns the number of parts or a status. */
static int split(const char *type, const char *body, size_t n, struct http_part *parts, int max)
{
	struct madrigal_error err;
	struct http_part again[8];
	int found = -100, found_again = -100, fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && max <= 8);
	for (size_t at = 0; at < n;)
		at += (size_t)write(fd, body + at, n - at);
	int rc = http_multipart(type, body, -1, n, parts, max, &found, &err);
	assert_int_equal(http_multipart(type, NULL, fd, n, again, max, &found_again, &err), rc);
	close(fd);
	assert_int_equal(found, found_again);
	if (rc < 0)
		return rc;
	assert_memory_equal(parts, again, (size_t)found * sizeof *parts);
	return found;
}

static int split_text(const char *body, struct http_part *parts)
{
	return split(TYPE, body, strlen(body), parts, 8);
}

static void expect_part(const struct http_part *p, const char *body, const char *name, const char *filename, const char *type, const char *content)
{
	assert_string_equal(p->name, name);
	assert_string_equal(p->filename, filename);
	assert_string_equal(p->content_type, type);
	assert_int_equal(p->n, strlen(content));
	assert_memory_equal(body + p->from, content, p->n);
}

/* As python's requests sends data={"purpose": "song"}, files={"file": open("ref é.wav", "rb")}. */
static void pythons_form_is_read(void **state)
{
	(void)state;
	static const char body[] = "--0f1e2d3c4b5a69788796a5b4c3d2e1f0\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nsong\r\n"
		"--0f1e2d3c4b5a69788796a5b4c3d2e1f0\r\nContent-Disposition: form-data; name=\"file\"; filename=\"ref \xc3\xa9.wav\"\r\n\r\nRIFF\r\n--0f1e\r\n\r\n"
		"--0f1e2d3c4b5a69788796a5b4c3d2e1f0--\r\n";
	struct http_part p[8];
	assert_int_equal(split("multipart/form-data; boundary=0f1e2d3c4b5a69788796a5b4c3d2e1f0", body, sizeof body - 1, p, 8), 2);
	expect_part(&p[0], body, "purpose", "", "", "song");
	expect_part(&p[1], body, "file", "ref \xc3\xa9.wav", "", "RIFF\r\n--0f1e\r\n");
}

/* As a browser's or Node's FormData sends it, a Blob without a name among the fields. */
static void javascripts_form_is_read(void **state)
{
	(void)state;
	static const char body[] = "------formdata-undici-012345678901\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nvoice\r\n"
		"------formdata-undici-012345678901\r\nContent-Disposition: form-data; name=\"file\"; filename=\"blob\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n"
		"------formdata-undici-012345678901\r\nContent-Disposition: form-data; name=\"f2\"; filename=\"a%22b.mp3\"\r\nContent-Type: audio/mpeg\r\n\r\nID3\r\n"
		"------formdata-undici-012345678901--\r\n";
	struct http_part p[8];
	assert_int_equal(split("multipart/form-data; boundary=----formdata-undici-012345678901", body, sizeof body - 1, p, 8), 3);
	expect_part(&p[0], body, "purpose", "", "", "voice");
	expect_part(&p[1], body, "file", "blob", "application/octet-stream", "");
	expect_part(&p[2], body, "f2", "a%22b.mp3", "audio/mpeg", "ID3");
}

static void the_standards_corners_are_read(void **state)
{
	(void)state;
	struct http_part p[8];
	static const char body[] = "preamble\r\n--XX \t\r\ncontent-type:text/plain\r\nCONTENT-DISPOSITION: Form-Data ; filename=\"a\\\"b\\\\c\\d.wav\" ; NAME=plain\r\n\r\n"
		"\r\n--XXX\r\n--X\r\n--XX-\r\n--XX\r\nContent-Disposition: form-data; name=\"\"; filename*=UTF-8'en'caf%C3%A9.wav\r\nContent-Transfer-Encoding: binary\r\n\r\n\r\n--XX--epilogue";
	assert_int_equal(split_text(body, p), 2);
	expect_part(&p[0], body, "plain", "a\"b\\c\\d.wav", "text/plain", "\r\n--XXX\r\n--X\r\n--XX-");
	expect_part(&p[1], body, "", "caf\xc3\xa9.wav", "", "");
	assert_int_equal(split_text("--XX--\r\n", p), 0);
	static const char shared[] = "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n--XX--";
	assert_int_equal(split_text(shared, p), 1);
	expect_part(&p[0], shared, "a", "", "", "");
	assert_int_equal(split("Multipart/Form-Data;charset=utf-8 ; Boundary=\"X X\"", "--X X--", 7, p, 8), 0);
}

static void malformed_bodies_are_refused(void **state)
{
	(void)state;
	static const char *bodies[] = {
		"", "--XX", "--XX\r\n", "nothing", "--XY\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--XY--",
		"--XX\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n", "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--XX",
		"--XX\r\nContent-Disposition: form-data; name=a\r\n\r\nb--XX--", "--XX\r\n\r\nb\r\n--XX--", "--XX\r\nContent-Type: text/plain\r\n\r\nb\r\n--XX--",
		"--XX\r\nContent-Disposition: attachment; name=a\r\n\r\nb\r\n--XX--", "--XX\r\nContent-Disposition: form-data\r\n\r\nb\r\n--XX--",
		"--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\nb\r\n--XX--", "--XX\r\nContent-Disposition: form-data; name=\"a\"b\r\n\r\nb\r\n--XX--",
		"--XX\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\nb\r\n--XX--", "--XX\r\nContent-Disposition: form-data; name=a; filename=\"\xc3(\"\r\n\r\nb\r\n--XX--",
		"--XX\r\nContent-Disposition: form-data; name=a\r\n folded\r\n\r\nb\r\n--XX--", "--XX\r\nno colon\r\n\r\nb\r\n--XX--",
		"--XX\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\nb\r\n--XX--",
		"--XX\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\nb\r\n--XX--",
		"--XX\nContent-Disposition: form-data; name=a\n\nb\n--XX--\n",
		"--XX\r\nContent-Disposition: form-data; name=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\nb\r\n--XX--",
	};
	struct http_part p[8];
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		if (split_text(bodies[i], p) != MADRIGAL_EUSAGE)
			print_error("%s\n", bodies[i]);
		assert_int_equal(split_text(bodies[i], p), MADRIGAL_EUSAGE);
	}
	static const char *types[] = { "", "text/plain", "multipart/form-data", "multipart/form-data; boundary", "multipart/form-data; boundary=", "multipart/form-datax; boundary=XX",
	                               "multipart/form-data; boundary=\"XX", "multipart/form-data; charset=XX",
	                               "multipart/form-data; boundary=12345678901234567890123456789012345678901234567890123456789012345678901" };
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		assert_int_equal(split(types[i], "--XX--", 6, p, 8), MADRIGAL_EUSAGE);
	static const char three[] = "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n--XX--";
	assert_int_equal(split(TYPE, three, sizeof three - 1, p, 1), MADRIGAL_EUSAGE);
	assert_int_equal(split(TYPE, three, sizeof three - 1, p, 2), 2);
}

/* A boundary that lies across two windows of a large file is found wherever it falls. */
static void large_contents_are_measured(void **state)
{
	(void)state;
	struct buf b = buf_init(1 << 20);
	struct http_part p[8];
	for (int n = 65536 - 90; n < 65536 + 10; n += 3) {
		buf_clear(&b);
		buf_adds(&b, "--XX\r\nContent-Disposition: form-data; name=file; filename=x\r\n\r\n");
		size_t from = b.len;
		for (int i = 0; i < n; i++)
			buf_addc(&b, "\r\n--X"[i % 5]);
		buf_adds(&b, "\r\n--XX\r\nContent-Disposition: form-data; name=last\r\n\r\nz\r\n--XX--\r\n");
		assert_int_equal(split(TYPE, buf_str(&b), b.len, p, 8), 2);
		assert_int_equal(p[0].from, from);
		assert_int_equal(p[0].n, n);
		assert_int_equal(p[1].n, 1);
	}
	buf_release(&b);
}

static void an_unreadable_file_is_an_error(void **state)
{
	(void)state;
	struct madrigal_error err;
	struct http_part p[8];
	int n = 7;
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	assert_int_equal(http_multipart(TYPE, "", fd, 100, p, 8, &n, &err), MADRIGAL_EIO); /* shorter than it should be */
	close(fd);
	assert_int_equal(n, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pythons_form_is_read),
		cmocka_unit_test(javascripts_form_is_read),
		cmocka_unit_test(the_standards_corners_are_read),
		cmocka_unit_test(malformed_bodies_are_refused),
		cmocka_unit_test(large_contents_are_measured),
		cmocka_unit_test(an_unreadable_file_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
