/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The score as a Standard MIDI File (MMA RP-001), format 1, with lyrics (RP-017). */
#include "score/files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "score/text.h"

enum meta { META_TEXT = 1, META_TRACK = 3, META_INSTRUMENT = 4, META_LYRIC = 5, META_MARKER = 6, META_PORT = 0x21, META_END = 0x2f, META_TEMPO = 0x51,
	    META_TIME = 0x58, META_KEY = 0x59 };

#define DRUM_CHANNEL 9
#define VOICE_PROGRAM 53 /* Voice Oohs */

/* A track while it is written; its length is put in at the end. */
struct track { struct buf *out; size_t length_at; int tick; };

static void add_variable(struct buf *b, unsigned v)
{
	unsigned char bytes[5];
	int first = 4;
	bytes[4] = v & 0x7f;
	while ((v >>= 7) && first > 0)
		bytes[--first] = 0x80 | (v & 0x7f);
	buf_add(b, bytes + first, (size_t)(5 - first));
}

static struct track open_track(struct buf *out)
{
	buf_adds(out, "MTrk");
	struct track t = { .out = out, .length_at = out->len };
	buf_be32(out, 0);
	return t;
}

static void at(struct track *t, int tick)
{
	add_variable(t->out, tick > t->tick ? (unsigned)(tick - t->tick) : 0);
	if (tick > t->tick)
		t->tick = tick;
}

static void add_meta(struct track *t, int tick, enum meta type, const void *data, size_t n)
{
	at(t, tick);
	buf_addc(t->out, (char)0xff);
	buf_addc(t->out, (char)type);
	add_variable(t->out, (unsigned)n);
	buf_add(t->out, data, n);
}

static void add_meta_text(struct track *t, int tick, enum meta type, const char *text)
{
	struct buf b = buf_init(4096);
	add_plain(&b, text);
	add_meta(t, tick, type, buf_str(&b), b.len);
	buf_release(&b);
}

static void add_message(struct track *t, int tick, int status, int a, int b)
{
	char bytes[3] = { (char)status, (char)a, (char)b };
	at(t, tick);
	buf_add(t->out, bytes, b < 0 ? 2 : 3);
}

static void close_track(struct track *t, int end)
{
	add_meta(t, end, META_END, "", 0);
	if (t->out->failed)
		return;
	size_t n = t->out->len - t->length_at - 4;
	for (int i = 0; i < 4; i++)
		t->out->data[t->length_at + (size_t)i] = (char)(n >> (24 - 8 * i));
}

static int end_tick(const struct score *s)
{
	return s->bars * score_bar_ticks(s);
}

static void add_key(const struct score *s, struct track *t, int tick, int transpose)
{
	unsigned char key[2] = { (unsigned char)key_fifths((s->tonic_pc + transpose) % 12, s->minor), s->minor ? 1 : 0 };
	add_meta(t, tick, META_KEY, key, sizeof key);
}

static void add_conductor(const struct score *s, struct buf *out)
{
	struct track t = open_track(out);
	add_meta_text(&t, 0, META_TRACK, s->title);
	unsigned us = (unsigned)lrint(60e6 / s->tempo_bpm);
	unsigned char tempo[3] = { (unsigned char)(us >> 16), (unsigned char)(us >> 8), (unsigned char)us };
	add_meta(&t, 0, META_TEMPO, tempo, sizeof tempo);
	unsigned char power = 0;
	while (1 << power < s->meter_den)
		power++;
	int compound = s->meter_den == 8 && s->meter_num % 3 == 0; /* the metronome counts dotted quarters */
	unsigned char time[4] = { (unsigned char)s->meter_num, power, compound ? 36 : (unsigned char)(96 >> power), 8 };
	add_meta(&t, 0, META_TIME, time, sizeof time);
	add_key(s, &t, 0, 0);
	for (int i = 0; i < s->n_sections; i++) {
		if (s->sections[i].transpose != (i ? s->sections[i - 1].transpose : 0))
			add_key(s, &t, s->sections[i].start, s->sections[i].transpose);
		add_meta_text(&t, s->sections[i].start, META_MARKER, s->sections[i].name);
	}
	close_track(&t, end_tick(s));
}

struct event { int tick, on, key, velocity; };

static int by_tick(const void *pa, const void *pb)
{
	const struct event *a = pa, *b = pb;
	if (a->tick != b->tick)
		return a->tick < b->tick ? -1 : 1;
	if (a->on != b->on) /* what ends makes room for what begins */
		return a->on - b->on;
	return a->key - b->key;
}

/* Note-ons and note-offs of a part. A note ends at the latest where the next on its key begins; doubles are left out. */
static int make_events(const struct score_part *p, struct event *e)
{
	int n = 0, open[128];
	for (int i = 0; i < 128; i++)
		open[i] = -1;
	for (int i = 0; i < p->n_notes; i++) {
		const struct note *note = &p->notes[i];
		int key = note->midi & 127, end = note->start + (note->dur > 0 ? note->dur : 1);
		if (open[key] >= 0 && e[open[key]].tick > note->start) {
			if (e[open[key] - 1].tick == note->start)
				continue;
			e[open[key]].tick = note->start;
		}
		e[n++] = (struct event){ note->start, 1, key, note->velocity < 1 ? 1 : note->velocity & 127 };
		open[key] = n;
		e[n++] = (struct event){ end, 0, key, 64 };
	}
	qsort(e, (size_t)n, sizeof *e, by_tick);
	return n;
}

static void add_head_of_track(struct track *t, const char *name, const char *instrument, int port, int channel, int bank, int program)
{
	char number = (char)port;
	add_meta_text(t, 0, META_TRACK, name);
	add_meta(t, 0, META_PORT, &number, 1);
	if (*instrument)
		add_meta_text(t, 0, META_INSTRUMENT, instrument);
	if (channel != DRUM_CHANNEL)
		add_message(t, 0, 0xb0 | channel, 0, bank & 127);
	add_message(t, 0, 0xc0 | channel, program & 127, -1);
}

static int add_part(const struct score *s, const struct score_part *p, int port, int channel, struct buf *out)
{
	struct event *e = calloc((size_t)p->n_notes * 2 + 1, sizeof *e);
	if (!e)
		return MADRIGAL_EMEMORY;
	int n = make_events(p, e), end = end_tick(s);
	struct track t = open_track(out);
	add_head_of_track(&t, p->name, p->instrument, port, channel, p->bank, p->program);
	for (int i = 0; i < n; i++)
		add_message(&t, e[i].tick, (e[i].on ? 0x90 : 0x80) | channel, e[i].key, e[i].velocity);
	close_track(&t, end);
	free(e);
	return 0;
}

/* A syllable as RP-017 writes it: "wood-" "en " and, with a line's last syllable, its carriage return. */
static void add_lyric(const struct score *s, struct track *t, const struct vocal_note *v, int i, int n)
{
	const struct word *w = &s->lyrics->words[v[i].word];
	char text[SYLLABLE_TEXT_MAX];
	syllable_text(w, v[i].syllable, text);
	struct buf b = buf_init(256);
	add_plain(&b, text);
	int next = i + 1;
	while (next < n && !begins_syllable(v, next))
		next++;
	if (next < n && v[next].word == v[i].word) {
		buf_addc(&b, '-');
	} else {
		if (w->punct)
			buf_addc(&b, w->punct);
		buf_addc(&b, next == n || v[next].line != v[i].line ? '\r' : ' ');
	}
	add_meta(t, v[i].start, META_LYRIC, buf_str(&b), b.len);
	buf_release(&b);
}

static void add_vocal(const struct score *s, const char *name, const struct vocal_note *v, int n, int channel, int words, struct buf *out)
{
	struct track t = open_track(out);
	add_head_of_track(&t, name, "Voice", 0, channel, 0, VOICE_PROGRAM);
	for (int i = 0; i < n; i++) {
		int end = v[i].start + (v[i].dur > 0 ? v[i].dur : 1);
		if (i + 1 < n && v[i + 1].start < end)
			end = v[i + 1].start;
		if (words && begins_syllable(v, i))
			add_lyric(s, &t, v, i, n);
		float loud = 40 + 80 * v[i].dynamic;
		int velocity = loud < 1 ? 1 : loud > 127 ? 127 : (int)lrintf(loud);
		add_message(&t, v[i].start, 0x90 | channel, v[i].midi & 127, velocity);
		add_message(&t, end, 0x80 | channel, v[i].midi & 127, 64);
	}
	close_track(&t, end_tick(s));
}

int song_midi(const struct score *s, struct buf *out)
{
	static const char *const harmony_names[HARMONY_VOICES] = { "harmony-vocals-left", "harmony-vocals-right" };
	int vocals = (s->n_vocal > 0) + (s->n_backing > 0) + (s->n_harmony[0] > 0) + (s->n_harmony[1] > 0), channel = 0;
	buf_adds(out, "MThd");
	buf_be32(out, 6);
	buf_be16(out, 1);
	buf_be16(out, (unsigned)(1 + vocals + s->n_parts));
	buf_be16(out, TICKS_PER_QUARTER);
	add_conductor(s, out);
	if (s->n_vocal)
		add_vocal(s, "vocals", s->vocal, s->n_vocal, channel++, 1, out);
	if (s->n_backing)
		add_vocal(s, "backing-vocals", s->backing, s->n_backing, channel++, 1, out);
	for (int i = 0; i < HARMONY_VOICES; i++)
		if (s->n_harmony[i])
			add_vocal(s, harmony_names[i], s->harmony[i], s->n_harmony[i], channel++, 0, out);
	/* Drums share the channel that General MIDI gives them; the others have one each, and go on to a further port when
	 * a port's fifteen are used up. */
	int next = channel;
	for (int i = 0; i < s->n_parts; i++) {
		const struct score_part *p = &s->parts[i];
		int drums = part_plays_drums(p);
		if (!drums && next % 16 == DRUM_CHANNEL)
			next++;
		int rc = add_part(s, p, drums ? 0 : next / 16, drums ? DRUM_CHANNEL : next % 16, out);
		if (rc < 0)
			return rc;
		next += !drums;
	}
	return out->failed;
}
