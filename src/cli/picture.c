/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A picture of what was heard, by cairo: time from left to right, in lanes from top to bottom. */
#include <cairo.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/listen.h"
#include "ear/json.h"
#include "ear/contour.h"
#include "score/chord.h"

#define WIDTH 1600
#define LEFT 90
#define RIGHT 20
#define TITLE_H 46
#define SECTIONS_H 24
#define WAVE_H 130
#define CHORDS_H 40
#define ENERGY_H 90
#define PITCH_H 200
#define GAP 14
#define HEIGHT (TITLE_H + SECTIONS_H + WAVE_H + CHORDS_H + ENERGY_H + PITCH_H + 5 * GAP + 30)
#define ENERGY_S 0.4         /* windows of the energy curve: EBU's momentary loudness */
#define ENERGY_FLOOR_DB (-50.0)

struct picture {
	cairo_t *c;
	const struct recording *r;
	const struct heard *h;
	double seconds;
};

static double x_of(const struct picture *p, double s)
{
	return LEFT + (WIDTH - LEFT - RIGHT) * s / p->seconds;
}

static void colour(const struct picture *p, unsigned rgb, double alpha)
{
	cairo_set_source_rgba(p->c, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0, alpha);
}

static void text(const struct picture *p, double x, double y, double size, const char *s)
{
	cairo_set_font_size(p->c, size);
	cairo_move_to(p->c, x, y);
	cairo_show_text(p->c, s);
}

static void lane(const struct picture *p, double y, double height, const char *name)
{
	colour(p, 0xf4f1ea, 1);
	cairo_rectangle(p->c, LEFT, y, WIDTH - LEFT - RIGHT, height);
	cairo_fill(p->c);
	colour(p, 0x333333, 1);
	text(p, 8, y + height / 2 + 4, 13, name);
}

/* Sections of a label have one colour, chords one by their root: around the circle of fifths. */
static unsigned hue(int i)
{
	static const unsigned colours[12] = { 0xd1495b, 0xe07a3f, 0xedae49, 0xc3b53d, 0x7aa95c, 0x3f9b75, 0x2e86ab, 0x3d62a8, 0x5f4b9b, 0x8a4f9e, 0xb0528f, 0xc94f74 };
	return colours[((i % 12) + 12) % 12];
}

static void draw_title(const struct picture *p)
{
	const struct heard *h = p->h;
	char line[256], key[24] = "no key";
	if (h->harmony.tonic_pc >= 0)
		snprintf(key, sizeof key, "%s %s", key_tonic_name(h->harmony.tonic_pc, h->harmony.minor), h->harmony.minor ? "minor" : "major");
	snprintf(line, sizeof line, "%.2f bpm   %d/%d   %s   %.1f LUFS   %s%s   %s%s", h->rhythm.tempo_bpm, h->rhythm.meter_num, h->rhythm.meter_den, key, h->timbre.loudness_lufs,
	         h->n_styles ? "like: " : "", h->n_styles ? h->style[0].name : "", h->n_voices ? "sung like: " : "", h->n_voices ? h->voice[0].name : "");
	colour(p, 0x222222, 1);
	text(p, LEFT, 30, 19, line);
}

static void draw_sections(const struct picture *p, double y)
{
	lane(p, y, SECTIONS_H, "sections");
	for (int i = 0; i < p->h->form.n_sections; i++) {
		const struct heard_section *s = &p->h->form.section[i];
		double from = x_of(p, (double)s->start_s), to = x_of(p, (double)s->end_s);
		colour(p, hue(3 * (s->label[0] - 'A')), 0.25 + 0.6 * (double)s->level);
		cairo_rectangle(p->c, from, y, fmax(0, to - from - 1), SECTIONS_H);
		cairo_fill(p->c);
		colour(p, 0x222222, 1);
		text(p, from + 4, y + 17, 13, s->label);
	}
}

static void draw_wave(const struct picture *p, double y)
{
	lane(p, y, WAVE_H, "waveform");
	int columns = WIDTH - LEFT - RIGHT;
	size_t n = p->r->frames;
	colour(p, 0x2e5a6b, 1);
	for (int i = 0; i < columns; i++) {
		size_t from = n * (size_t)i / (size_t)columns, to = n * (size_t)(i + 1) / (size_t)columns;
		float low = 0, high = 0;
		for (size_t k = from; k < to; k++) {
			float x = (p->r->side[0][k] + p->r->side[1][k]) / 2;
			low = fminf(low, x);
			high = fmaxf(high, x);
		}
		double middle = y + WAVE_H / 2.0, half = WAVE_H / 2.0 - 2;
		cairo_rectangle(p->c, LEFT + i, middle - half * fmin(1, (double)high), 1, fmax(1, half * (fmin(1, (double)high) - fmax(-1, (double)low))));
	}
	cairo_fill(p->c);
}

/* Bar lines through all lanes, beats as ticks under the waveform. */
static void draw_beats(const struct picture *p, double wave_y, double bottom)
{
	const struct heard_rhythm *r = &p->h->rhythm;
	int step = heard_bar_beats(r);
	for (int i = 0; i < r->n_beats; i++) {
		int bar = step > 0 && i >= r->first_downbeat && (i - r->first_downbeat) % step == 0;
		double x = x_of(p, (double)r->beat_s[i]);
		colour(p, bar ? 0xa02c2c : 0x555555, bar ? 0.35 : 0.6);
		cairo_rectangle(p->c, x, bar ? wave_y : wave_y + WAVE_H - 8, bar ? 1 : 0.7, bar ? bottom - wave_y : 8);
		cairo_fill(p->c);
	}
}

static void draw_chords(const struct picture *p, double y)
{
	lane(p, y, CHORDS_H, "chords");
	for (int i = 0; i < p->h->harmony.n_chords; i++) {
		const struct heard_chord *c = &p->h->harmony.chord[i];
		double from = x_of(p, (double)c->start_s), to = x_of(p, (double)c->end_s);
		if (c->quality == HEARD_NONE || c->root_pc < 0)
			continue;
		colour(p, hue(c->root_pc * 7), c->quality == HEARD_MINOR ? 0.45 : 0.8);
		cairo_rectangle(p->c, from, y, fmax(0.5, to - from - 0.5), CHORDS_H);
		cairo_fill(p->c);
		if (to - from > 20) {
			char name[8];
			heard_name_chord(&p->h->harmony, c->root_pc, c->quality, name);
			colour(p, 0x111111, 1);
			text(p, from + 3, y + 25, 12, name);
		}
	}
}

static void draw_energy(const struct picture *p, double y)
{
	lane(p, y, ENERGY_H, "energy");
	size_t window = (size_t)(ENERGY_S * p->r->rate);
	colour(p, 0xc7702e, 0.85);
	cairo_move_to(p->c, LEFT, y + ENERGY_H);
	for (size_t at = 0; at + window <= p->r->frames; at += window / 2) {
		double e = 1e-12;
		for (size_t i = at; i < at + window; i++)
			e += (double)(p->r->side[0][i] * p->r->side[0][i] + p->r->side[1][i] * p->r->side[1][i]) / (2.0 * (double)window);
		double db = fmin(fmax(10 * log10(e), ENERGY_FLOOR_DB), 0);
		cairo_line_to(p->c, x_of(p, (double)(at + window / 2) / p->r->rate), y + ENERGY_H * db / ENERGY_FLOOR_DB);
	}
	cairo_line_to(p->c, WIDTH - RIGHT, y + ENERGY_H);
	cairo_close_path(p->c);
	cairo_fill(p->c);
}

static double y_of_midi(double y, double midi, double low, double high)
{
	return y + PITCH_H * (high - midi) / (high - low);
}

static int draw_pitch(const struct picture *p, double y, struct madrigal_error *err)
{
	double low = p->h->singer.low > 0 ? floor((double)p->h->singer.low) - 5 : 45, high = p->h->singer.high > 0 ? ceil((double)p->h->singer.high) + 5 : 80;
	const struct ear_sound sound = { p->r->side[0], p->r->side[1], p->r->frames };
	struct contour m;
	lane(p, y, PITCH_H, "sung pitch");
	for (int midi = (int)low; midi <= (int)high; midi++) {
		if (midi % 12)
			continue;
		char name[16];
		colour(p, 0x999999, 0.6);
		cairo_rectangle(p->c, LEFT, y_of_midi(y, midi, low, high), WIDTH - LEFT - RIGHT, 0.7);
		cairo_fill(p->c);
		snprintf(name, sizeof name, "C%d", midi / 12 - 1);
		text(p, LEFT - 24, y_of_midi(y, midi, low, high) + 4, 11, name);
	}
	if (!(p->h->singer.singing > 0))
		return 0;
	int rc = ear_contour(&sound, NULL, &m, err);
	if (rc)
		return rc;
	colour(p, 0x5b2a86, 1);
	for (size_t i = 0; i < m.n; i++) {
		double midi = m.hz[i] > 0 ? 69 + 12 * log2((double)m.hz[i] / 440) : 0;
		if (midi < low || midi > high)
			continue;
		cairo_rectangle(p->c, x_of(p, m.from_s + (double)i * m.step_s), y_of_midi(y, midi, low, high) - 1, fmax(1, x_of(p, m.step_s) - x_of(p, 0)), 2.5);
	}
	cairo_fill(p->c);
	contour_release(&m);
	return 0;
}

static void draw_time(const struct picture *p, double y)
{
	double step = p->seconds > 240 ? 30 : p->seconds > 90 ? 15 : 5;
	colour(p, 0x333333, 1);
	for (double s = 0; s <= p->seconds; s += step) {
		char at[16];
		snprintf(at, sizeof at, "%d:%02d", (int)s / 60, (int)s % 60);
		text(p, x_of(p, s), y, 12, at);
	}
}

static int draw(const struct picture *p, struct madrigal_error *err)
{
	double y = TITLE_H, wave_y;
	colour(p, 0xffffff, 1);
	cairo_paint(p->c);
	cairo_select_font_face(p->c, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
	draw_title(p);
	draw_sections(p, y);
	wave_y = y += SECTIONS_H + GAP;
	draw_wave(p, y);
	draw_chords(p, y += WAVE_H + GAP);
	draw_energy(p, y += CHORDS_H + GAP);
	int rc = draw_pitch(p, y += ENERGY_H + GAP, err);
	draw_beats(p, wave_y, y + PITCH_H);
	draw_time(p, y + PITCH_H + 20);
	return rc;
}

int picture_draw(const char *png_path, const struct recording *r, const char *heard, struct madrigal_error *err)
{
	struct heard *h = malloc(sizeof *h);
	if (!h)
		return err_nomem(err);
	int rc = heard_read(heard, h, err);
	cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, HEIGHT);
	struct picture p = { cairo_create(s), r, h, fmax(0.1, (double)r->frames / r->rate) };
	if (!rc)
		rc = draw(&p, err);
	cairo_status_t status = rc ? CAIRO_STATUS_SUCCESS : cairo_surface_write_to_png(s, png_path);
	if (status)
		rc = err_set(err, MADRIGAL_EIO, "cannot write %s: %s", png_path, cairo_status_to_string(status));
	cairo_destroy(p.c);
	cairo_surface_destroy(s);
	free(h);
	return rc;
}
