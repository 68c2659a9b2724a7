/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Styles, singers and prompts: what a musician who writes a style and a person who writes a prompt would notice. */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "style/brief.h"

#define LENGTH(a) ((int)(sizeof(a) / sizeof *(a)))

/* ---- style files ---- */

static const char *const good[] = {
	/*  1 */ "title: Test waltz",
	/*  2 */ "words: [test waltz]",
	/*  3 */ "tempo: {min: 80, usual: 96, max: 120}",
	/*  4 */ "meters: [3/4]",
	/*  5 */ "energy: -0.5",
	/*  6 */ "chords:",
	/*  7 */ "  - {section: verse, mode: major, bars: \"I | vi | IV | V7\"}",
	/*  8 */ "  - section: verse",
	/*  9 */ "    mode: minor",
	/* 10 */ "    bars: \"i | bVI | iv V | V\"",
	/* 11 */ "form: {intro: 2, ending: ring}",
	/* 12 */ "singer: {gender: f}",
	/* 13 */ "parts:",
	/* 14 */ "  - name: piano",
	/* 15 */ "    role: comp",
	/* 16 */ "    instruments:",
	/* 17 */ "      - {name: Piano, words: [piano], program: 0, low: 48, high: 76}",
	/* 18 */ "    grooves:",
	/* 19 */ "      - {name: waltz, sections: [any], meter: 3/4, lanes: [{steps: \"l--- c--- c---\"}]}",
	/* 20 */ "  - name: drums",
	/* 21 */ "    role: drums",
	/* 22 */ "    optional: true",
	/* 23 */ "    instruments: [{name: Kit}]",
	/* 24 */ "    plays: [{section: chorus, intensity: 0.9}, {section: intro, intensity: 0}]",
	/* 25 */ "    grooves:",
	/* 26 */ "      - name: brushes",
	/* 27 */ "        sections: [verse, chorus]",
	/* 28 */ "        meter: 3/4",
	/* 29 */ "        lanes:",
	/* 30 */ "          - {drum: kick, steps: \"x... .... .... | X... .... ..x.\"}",
	/* 31 */ "          - {drum: snare, steps: \".... g... g...\"}",
};

/* The good file with one line replaced (0: none). */
static int load_with(int line, const char *text, struct style **ret, struct madrigal_error *err)
{
	struct buf b = buf_init(1 << 20);
	for (int i = 0; i < LENGTH(good); i++)
		buf_addf(&b, "%s\n", i + 1 == line ? text : good[i]);
	int rc = style_load_text("broken.yaml", buf_str(&b), b.len, ret, err);
	buf_release(&b);
	return rc;
}

static void test_style_is_read_and_filled(void **state)
{
	(void)state;
	struct style *s = NULL;
	struct madrigal_error err = {0, ""};
	if (load_with(0, NULL, &s, &err) < 0)
		fail_msg("%s", err.message);
	assert_string_equal(s->name, "broken"); /* by the file */
	assert_string_equal(s->title, "Test waltz");
	assert_string_equal(s->description, "Test waltz");
	assert_int_equal(s->n_meters, 1);
	assert_string_equal(s->meters[0], "3/4");
	assert_float_equal(s->tempo.usual, 96, 0);
	assert_float_equal(s->energy, -0.5, 1e-6);
	assert_int_equal(s->n_chords, 2);
	assert_string_equal(s->chords[1].bars, "i | bVI | iv V | V");
	assert_float_equal(s->chords[0].weight, 1, 0);
	assert_int_equal(s->form.intro, 2);
	assert_int_equal(s->form.line_bars, 2);
	assert_string_equal(s->singer.gender, "f");
	assert_string_equal(s->mix.vocal_delay_note, "1/4");
	const struct style_part *piano = &s->parts[0], *drums = &s->parts[1];
	assert_int_equal(piano->optional, 0);
	assert_float_equal(piano->gate, 0.95, 1e-6);
	assert_float_equal(piano->mix.width, 1, 0);
	assert_string_equal(piano->grooves[0].lanes[0].drum, "notes");
	assert_string_equal(piano->instruments[0].soundfont, "general");
	assert_int_equal(piano->n_plays, 1); /* everywhere, fully */
	assert_string_equal(piano->plays[0].section, "verse");
	assert_float_equal(piano->plays[0].intensity, 1, 0);
	assert_int_equal(drums->optional, 1);
	assert_int_equal(drums->instruments[0].bank, 128);
	assert_int_equal(drums->n_plays, 3); /* in the verse, which is not named, not at all */
	assert_float_equal(drums->plays[2].intensity, 0, 0);
	style_free(s);
}

static void test_faults_name_their_line(void **state)
{
	(void)state;
	static const struct { int line; const char *text, *message; } faults[] = {
		{1, "titel: Test waltz", "broken.yaml:1: unknown key \"titel\": did you mean \"title\"?"},
		{2, "wrds: 7", "broken.yaml:2: unknown key \"wrds\": did you mean \"words\"?"},
		{2, "", "ok"},
		{1, "", "broken.yaml:2: \"title\" is missing"},
		{2, "words: test waltz", "broken.yaml:2: words must be a list, not a single value"},
		{3, "tempo: {min: 80, usual: 96}", "broken.yaml:3: \"max\" is missing"},
		{3, "tempo: {min: 80, usual: 130, max: 120}", "broken.yaml:3: tempo: min <= usual <= max is wanted, not 80, 130, 120"},
		{3, "tempo: {min: slow, usual: 96, max: 120}", "broken.yaml:3: min: \"slow\" is not a number"},
		{3, "tempo: {min: nan, usual: 96, max: 120}", "broken.yaml:3: min: \"nan\" is not a number"},
		{3, "tempo: 96", "broken.yaml:3: tempo must be a map of keys and values, not a single value"},
		{4, "meters: [5/4]", "broken.yaml:4: unknown meter \"5/4\""},
		{4, "meters: [3/4, 4/4]", "broken.yaml:18: piano plays in the intro, but has no groove in 4/4 for it (nor for \"any\")"},
		{5, "energy: 3", "broken.yaml:5: energy is 3: -1 to 1 is allowed"},
		{5, "title: Again", "broken.yaml:5: \"title\" is there twice: first in line 1"},
		{7, "  - {section: vers, bars: I}", "broken.yaml:7: unknown section \"vers\": did you mean \"verse\"?"},
		{9, "    mode: dorian", "broken.yaml:9: unknown mode \"dorian\": there are major, minor"},
		{9, "    mode: major", "broken.yaml:6: no minor chords for the verse"},
		{10, "    bars: \"i | bVI | | V\"", "broken.yaml:10: bar 3 has no chord"},
		{10, "    bars: \"i | bVI | H | V\"", "broken.yaml:10: bar 3: "},
		{10, "    bars: [i]", "broken.yaml:10: bars must be a single value, not a list"},
		{11, "form: {line_bars: 3}", "broken.yaml:11: line_bars is 3"},
		{11, "form: {intro: 2.5}", "broken.yaml:11: intro: \"2.5\" is not a whole number"},
		{12, "singer: {gender: x}", "broken.yaml:12: unknown gender \"x\": there are f, m, any"},
		{14, "  - name: Grand Piano", "broken.yaml:14: part name \"Grand Piano\": only a-z, 0-9 and - are allowed"},
		{15, "    role: comping", "broken.yaml:15: unknown role \"comping\": there are drums, percussion, bass, comp, pad"},
		{17, "      - {name: Piano, program: 0, low: 48}", "broken.yaml:17: \"high\" is missing"},
		{17, "      - {name: Piano, program: 128, low: 48, high: 76}", "broken.yaml:17: program is 128: 0 to 127 is allowed"},
		{17, "      - {name: Piano, program: 1, low: 48, high: 50}", "broken.yaml:17: low to high is less than an octave"},
		{19, "      - {name: waltz, sections: [any], meter: 3/4, lanes: [{steps: \"l--- c--- c--\"}]}", "broken.yaml:19: bar 1 has 11 steps: a bar of 3/4 has 12"},
		{19, "      - {name: waltz, sections: [any], meter: 3/4, lanes: [{steps: \"l--- x--- c---\"}]}", "broken.yaml:19: bar 1, step 5: 'x' is not a step of a comp part"},
		{19, "      - {name: waltz, sections: [any], meter: 3/4, lanes: [{steps: \".--- c--- c---\"}]}", "broken.yaml:19: bar 1, step 2: '-' holds a note"},
		{19, "      - {name: waltz, sections: [chorus], meter: 3/4, lanes: [{steps: \"l--- c--- c---\"}]}", "broken.yaml:18: piano plays in the intro"},
		{20, "  - name: piano", "broken.yaml:20: two parts are called \"piano\""},
		{22, "    optional: maybe", "broken.yaml:22: optional: \"maybe\" is neither true nor false"},
		{24, "    plays: [{section: chorus, intensity: 90}]", "broken.yaml:24: intensity is 90: 0 to 1 is allowed"},
		{24, "    plays: [{section: any, intensity: 1}]", "broken.yaml:24: unknown section \"any\""},
		{27, "        sections: [any, coda]", "broken.yaml:27: unknown section \"coda\""},
		{30, "          - {drum: kik, steps: \"x... .... ....\"}", "broken.yaml:30: unknown drum \"kik\""},
		{31, "          - {drum: kick, steps: \".... g... g...\"}", "broken.yaml:31: \"kick\" has two lanes"},
		{31, "          - {drum: snare, steps: \"............|............|............\"}", "broken.yaml:30: 2 bars do not fit into the groove's 3"},
		{31, "          - {drum: snare, steps: \"x\xc3\xa9.. .... ....\"}", "broken.yaml:31: bar 1, step 2: a strange character"},
		{13, "parts: *anchor", "broken.yaml:13: aliases"},
		{13, "parts: [", "broken.yaml:"},
		{9, "\tmode: minor", "broken.yaml:9: "},
		{31, "---", "broken.yaml:31: a second document"},
		{12, "singer: {gender: \"\\0\"}", "broken.yaml:12: a NUL character"},
		{12, "singer: {gender: \xff}", "broken.yaml:12: "},
	};
	for (int i = 0; i < LENGTH(faults); i++) {
		struct style *s = NULL;
		struct madrigal_error err = {0, "ok"};
		int rc = load_with(faults[i].line, faults[i].text, &s, &err);
		if (strncmp(err.message, faults[i].message, strlen(faults[i].message)))
			fail_msg("line %d as \"%s\":\n   said   %s\n   wanted %s", faults[i].line, faults[i].text, err.message, faults[i].message);
		if (rc == 0)
			style_free(s);
		else
			assert_null(s);
		assert_int_equal(rc, strcmp(err.message, "ok") ? MADRIGAL_ESTYLE : 0);
	}
}

static void test_strange_files(void **state)
{
	(void)state;
	struct style *s = NULL;
	struct madrigal_error err;
	assert_int_equal(style_load_text("e.yaml", "", 0, &s, &err), MADRIGAL_ESTYLE);
	assert_string_equal(err.message, "e.yaml:1: the file is empty");
	assert_int_equal(style_load_text("e.yaml", "[]", 2, &s, &err), MADRIGAL_ESTYLE);
	assert_string_equal(err.message, "e.yaml:1: the file must be a map of keys and values, not a list");
	char deep[64];
	memset(deep, '[', sizeof deep);
	assert_int_equal(style_load_text("e.yaml", deep, sizeof deep, &s, &err), MADRIGAL_ESTYLE);
	assert_non_null(strstr(err.message, "deep"));
	size_t len = 300 * 1024;
	char *big = malloc(len);
	memset(big, ' ', len);
	assert_int_equal(style_load_text("e.yaml", big, len, &s, &err), MADRIGAL_ESTYLE);
	assert_non_null(strstr(err.message, "too large"));
	memset(big, ',', len);
	big[0] = '[';
	for (size_t i = 1; i < len; i += 2)
		big[i] = 'a';
	assert_int_equal(style_load_text("e.yaml", big, 200 * 1024, &s, &err), MADRIGAL_ESTYLE);
	assert_non_null(strstr(err.message, "values"));
	free(big);
	assert_int_equal(style_load_file(TEST_DATA_DIR "/styles/none.yaml", &s, &err), MADRIGAL_EIO);
	assert_null(s);
}

static void test_every_shipped_style_is_sound(void **state)
{
	(void)state;
	struct madrigal_error err = {0, ""};
	struct style_set set = {0};
	struct singer_set singers = {0};
	DIR *dir = opendir(TEST_SHARE_DIR "/styles");
	int files = 0;
	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir))
		files += strstr(e->d_name, ".yaml") != NULL;
	if (dir)
		closedir(dir);
	if (style_set_load(TEST_SHARE_DIR, &set, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(singer_set_load(TEST_SHARE_DIR, &singers, &err), 0);
	assert_int_equal(set.n, files);
	static const char *const wanted[] = {"indie-folk", "pop-ballad", "rock", "synth-pop"};
	for (int i = 0; i < LENGTH(wanted); i++) {
		const struct style *s = NULL;
		assert_int_equal(style_find(&set, wanted[i], &s, &err), 0);
	}
	for (int i = 0; i < set.n; i++)
		for (unsigned k = 0; k < set.styles[i]->singer.n_voices; k++) {
			const struct singer *one;
			if (singer_find(&singers, set.styles[i]->singer.voices[k], &one, &err) < 0)
				fail_msg("%s: %s", set.styles[i]->name, err.message);
		}
	singer_set_release(&singers);
	style_set_release(&set);
}

/* The style that docs/styles.md builds, joined from its blocks of YAML. */
static void test_the_manual_s_style_loads(void **state)
{
	(void)state;
	struct madrigal_error err = {0, ""};
	char *text = NULL;
	size_t len = 0;
	assert_int_equal(file_read(TEST_SHARE_DIR "/../docs/styles.md", 1 << 20, &text, &len, &err), 0);
	struct buf b = buf_init(1 << 20);
	for (char *p = strstr(text, "```yaml\n"); p; p = strstr(p, "```yaml\n")) {
		p += strlen("```yaml\n");
		char *end = strstr(p, "```");
		assert_non_null(end);
		buf_addf(&b, "%.*s", (int)(end - p), p);
		p = end + 3;
	}
	struct style *s = NULL;
	if (style_load_text("slow-waltz.yaml", buf_str(&b), b.len, &s, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(s->n_parts, 2);
	style_free(s);
	buf_release(&b);
	free(text);
}

static void test_sections_fall_back_to_the_verse(void **state)
{
	(void)state;
	for (int k = 0; k < SECTION_KINDS; k++) {
		int at = k, steps = 0;
		while (at != SECTION_VERSE && steps++ < SECTION_KINDS)
			at = section_fallback((enum section_kind)at);
		assert_int_equal(at, SECTION_VERSE);
	}
	assert_int_equal(section_fallback(SECTION_VERSE), -1);
	assert_int_equal(section_fallback(SECTION_HOOK), SECTION_CHORUS);
}

/* ---- what the rest shares ---- */

struct fixture { struct style_set styles; struct singer_set singers; struct prompt_lexicon *lexicon; };

static int set_up(void **state)
{
	static struct fixture f;
	struct madrigal_error err = {0, ""};
	if (style_set_load(TEST_DATA_DIR, &f.styles, &err) < 0 || singer_set_load(TEST_SHARE_DIR, &f.singers, &err) < 0 ||
	    prompt_lexicon_new(TEST_SHARE_DIR, &f.lexicon, &err) < 0) {
		print_error("%s\n", err.message);
		return -1;
	}
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	prompt_lexicon_free(f->lexicon);
	singer_set_release(&f->singers);
	style_set_release(&f->styles);
	return 0;
}

static int make(struct fixture *f, const struct madrigal_request *req, struct brief *b, struct madrigal_error *err)
{
	return brief_make(req, NULL, &f->styles, &f->singers, f->lexicon, b, err);
}

/* ---- finding by name ---- */

static void test_styles_are_found_by_name(void **state)
{
	struct fixture *f = *state;
	const struct style *s = NULL;
	struct madrigal_error err;
	static const char *const ways[] = {"synth-pop", "Synth Pop", "SYNTH_POP"};
	for (int i = 0; i < LENGTH(ways); i++) {
		assert_int_equal(style_find(&f->styles, ways[i], &s, &err), 0);
		assert_string_equal(s->name, "synth-pop");
	}
	assert_int_equal(style_find(&f->styles, "sinth-pop", &s, &err), MADRIGAL_ESTYLE);
	assert_non_null(strstr(err.message, "did you mean \"synth-pop\"?"));
}

static void test_singers_are_found_by_name(void **state)
{
	struct fixture *f = *state;
	const struct singer *s = NULL;
	struct madrigal_error err;
	static const char *const ways[] = {"af_heart", "AF-Heart", "heart", "Heart"};
	for (int i = 0; i < LENGTH(ways); i++) {
		assert_int_equal(singer_find(&f->singers, ways[i], &s, &err), 0);
		assert_string_equal(s->name, "af_heart");
	}
	assert_int_equal(singer_find(&f->singers, "Hart", &s, &err), MADRIGAL_EUSAGE);
	assert_non_null(strstr(err.message, "\"Heart\""));
	int women = 0, men = 0;
	for (unsigned i = 0; i < f->singers.n; i++)
		*(f->singers.singers[i].gender[0] == 'f' ? &women : &men) += 1;
	assert_true(women >= 6 && men >= 6);
}

/* ---- prompts ---- */

/* expect: style=, bpm= (one, or low-high), meter=, key= ("A-minor"), mode=, gender=, age=, tone=, voice=, sung / instrumental, plays= and silent= (a part),
 * uses= (an instrument's name in a part, '_' for a blank), extra=, noextra, says= (in `understood`, '_' for a blank), energy<, energy>, valence<, valence>. */
static const struct { const char *prompt, *expect; } prompts[] = {
	{"warm indie folk, female voice, 92 bpm", "style=indie-folk gender=f bpm=92 says=warm says=92_bpm noextra"},
	{"Pop ballad in A minor, 3/4, male singer", "style=pop-ballad key=A-minor meter=3/4 gender=m"},
	{"synthpop with a driving beat, bpm: 118", "style=synth-pop bpm=118 plays=drums"},
	{"SYNTH-POP AT 120 BPM", "style=synth-pop bpm=120"},
	{"rock, tempo 100", "style=rock bpm=100"},
	{"rock, tempo: around 132", "style=rock bpm=132"},
	{"rock song, 92-100 bpm", "style=rock bpm=96"},
	{"folk between 80 and 90 bpm", "style=indie-folk bpm=85"},
	{"folk, 92bpm", "style=indie-folk bpm=92"},
	{"folk at 92.5 bpm", "bpm=92.5"},
	{"folk, 88 beats per minute", "bpm=88"},
	{"rock, 500 bpm", "style=rock"},
	{"rock, 300 bpm", "bpm=240 says=nearest_to_300"},
	{"slow rock", "style=rock bpm=96-112"},
	{"fast rock", "style=rock bpm=150-168"},
	{"mid-tempo rock", "style=rock bpm=112-142"},
	{"rock, not too fast", "style=rock bpm=98-128"},
	{"largo, folk", "style=indie-folk bpm=44-58"},
	{"a presto rock tune", "style=rock bpm=168-192"},
	{"ballad in the key of F# major", "style=pop-ballad key=F#-major"},
	{"ballad, key: Bb", "key=A#-major"},
	{"ballad, key of E flat minor", "key=D#-minor"},
	{"ballad in C\xe2\x99\xaf minor", "key=C#-minor"},
	{"ballad in Am", "key=A-minor"},
	{"I am sad", "key=none mode=any valence<-0.1"},
	{"a ballad in a minor key", "key=none mode=minor"},
	{"a major hit", "key=none"},
	{"ballad in D", "key=D-major"},
	{"rock in a minor, 130 bpm", "key=A-minor bpm=130"},
	{"slow waltz", "meter=3/4"},
	{"folk in three, 100 bpm", "meter=3/4 style=indie-folk"},
	{"folk in 6/8", "meter=6/8 style=indie-folk"},
	{"rock, 12/8", "meter=6/8 says=nearest_to_12/8"},
	{"rock, 5/4", "meter=4/4 says=nearest_to_5/4"},
	{"not a waltz, folk", "meter=4/4"},
	{"80s retro new wave", "style=synth-pop"},
	{"not rock, but folk", "style=indie-folk"},
	{"rocking chair lullaby", "style=indie-folk"},
	{"aggressive and angry", "style=rock energy>0.6 valence<-0.1"},
	{"calm, tender, intimate", "style=pop-ballad energy<-0.5"},
	{"pop ballad, not sad", "style=pop-ballad valence>-0.1"},
	{"pop ballad, sad", "style=pop-ballad valence<-0.4"},
	{"pop ballad, happy", "style=pop-ballad valence>0.2"},
	{"pop ballad, no drums", "style=pop-ballad silent=drums plays=piano says=no_drums"},
	{"folk without guitar or drums", "style=indie-folk silent=drums silent=percussion"},
	{"rock, no heavy drums", "style=rock silent=drums"},
	{"drum-free pop ballad", "style=pop-ballad silent=drums"},
	{"pop ballad, no drums and a soft piano", "silent=drums plays=piano"},
	{"pop ballad with cello", "style=pop-ballad plays=cello noextra"},
	{"pop ballad with Rhodes", "style=pop-ballad uses=Electric_piano noextra"},
	{"folk with banjo", "style=indie-folk uses=Banjo noextra"},
	{"folk with a mandolin and violins", "style=indie-folk extra=Mandolin"},
	{"folk with accordion", "style=indie-folk extra=Accordion plays=guitar"},
	{"folk, upright bass", "style=indie-folk uses=Double_bass noextra"},
	{"folk, bass guitar", "style=indie-folk uses=Fingered_bass noextra"},
	{"folk, a classical guitar and a guitar solo", "style=indie-folk uses=Nylon_guitar noextra"},
	{"pop ballad, only piano", "style=pop-ballad plays=piano silent=drums silent=bass silent=strings noextra"},
	{"pop ballad, just piano and strings", "plays=piano plays=strings silent=drums silent=bass noextra"},
	{"pop ballad, piano only", "plays=piano silent=drums silent=bass"},
	{"rock, electric guitar solo", "style=rock plays=drums plays=bass"},
	{"just a hint of cello, pop ballad", "plays=drums plays=piano"},
	{"pop ballad, a cappella", "silent=piano silent=drums extra=Choir"},
	{"folk, no guitar, no strings, no banjo", "silent=guitar uses=Cello noextra"},
	{"instrumental", "instrumental"},
	{"folk, no vocals", "instrumental"},
	{"folk without any singing", "instrumental"},
	{"folk with long instrumental breaks", "sung"},
	{"A calm and soothing instrumental music with gentle piano and soft strings.", "style=pop-ballad sung plays=piano plays=strings noextra"},
	{"a woman singing", "gender=f"},
	{"young girl", "gender=f age=young"},
	{"old man, folk", "gender=m age=old"},
	{"deep male voice", "gender=m tone=deep"},
	{"bright female vocals", "gender=f tone=bright"},
	{"raspy male vocals", "gender=m tone=raspy"},
	{"British woman", "gender=f tone=british"},
	{"a duet of a man and a woman", "gender=m"},
	{"a song about a girl, sung by a man", "gender=m"},
	{"rock, singer Bella", "voice=af_bella"},
	{"rock, am_michael", "voice=am_michael"},
	{"mandolin", "extra=Mandolin"},
	{"", "sung key=none"},
};

struct check { const char *prompt; const struct brief *b; struct fixture *f; };

static void wrong(const struct check *c, const char *what)
{
	fail_msg("\"%s\": wanted %s, understood: %s (energy %g, valence %g)", c->prompt, what, c->b->understood, (double)c->b->energy, (double)c->b->valence);
}

static int part_state(const struct check *c, const char *name)
{
	for (unsigned p = 0; p < c->b->style->n_parts; p++)
		if (!strcmp(c->b->style->parts[p].name, name))
			return c->b->instrument[p] >= 0;
	return -1;
}

static int uses(const struct check *c, const char *name)
{
	for (unsigned p = 0; p < c->b->style->n_parts; p++)
		if (c->b->instrument[p] >= 0 && !strcmp(c->b->style->parts[p].instruments[c->b->instrument[p]].name, name))
			return 1;
	return 0;
}

static int has_extra(const struct check *c, const char *name)
{
	for (int i = 0; i < c->b->n_extra; i++)
		if (!strcmp(c->b->extra[i].instrument.name, name))
			return 1;
	return 0;
}

static int has_tone(const struct check *c, const char *tone)
{
	for (unsigned i = 0; i < c->b->singer->n_tones; i++)
		if (!strcmp(c->b->singer->tones[i], tone))
			return 1;
	return 0;
}

static int key_is(const struct check *c, const char *value)
{
	static const char *const names[] = {"C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"};
	char key[32];
	if (!strcmp(value, "none"))
		return c->b->tonic_pc == -1;
	if (c->b->tonic_pc < 0)
		return 0;
	snprintf(key, sizeof key, "%s-%s", names[c->b->tonic_pc], c->b->minor ? "minor" : "major");
	return !strcmp(key, value);
}

static int bpm_is(const struct check *c, const char *value)
{
	char *end;
	double low = strtod(value, &end), high = !strncmp(end, "-", 1) ? strtod(end + 1, NULL) : low;
	return c->b->tempo_bpm >= low && c->b->tempo_bpm <= high;
}

static int holds(const struct check *c, const char *what, const char *value)
{
	const struct brief *b = c->b;
	char meter[16];
	snprintf(meter, sizeof meter, "%d/%d", b->meter_num, b->meter_den);
	if (!strcmp(what, "style")) return !strcmp(b->style->name, value);
	if (!strcmp(what, "bpm")) return bpm_is(c, value);
	if (!strcmp(what, "meter")) return !strcmp(meter, value);
	if (!strcmp(what, "key")) return key_is(c, value);
	if (!strcmp(what, "mode")) return !strcmp(value, "any") || b->minor == !strcmp(value, "minor");
	if (!strcmp(what, "gender")) return b->singer->gender[0] == value[0];
	if (!strcmp(what, "age")) return !strcmp(b->singer->age, value);
	if (!strcmp(what, "tone")) return has_tone(c, value);
	if (!strcmp(what, "voice")) return !strcmp(b->singer->name, value);
	if (!strcmp(what, "sung")) return !b->instrumental;
	if (!strcmp(what, "instrumental")) return b->instrumental;
	if (!strcmp(what, "plays")) return part_state(c, value) == 1;
	if (!strcmp(what, "silent")) return part_state(c, value) == 0;
	if (!strcmp(what, "uses")) return uses(c, value);
	if (!strcmp(what, "extra")) return has_extra(c, value);
	if (!strcmp(what, "noextra")) return b->n_extra == 0;
	if (!strcmp(what, "says")) return strstr(b->understood, value) != NULL;
	if (!strcmp(what, "energy>")) return (double)b->energy > atof(value);
	if (!strcmp(what, "energy<")) return (double)b->energy < atof(value);
	if (!strcmp(what, "valence>")) return (double)b->valence > atof(value);
	if (!strcmp(what, "valence<")) return (double)b->valence < atof(value);
	return 0;
}

static void check_all(const struct check *c, const char *expect)
{
	char copy[512], *rest = copy;
	snprintf(copy, sizeof copy, "%s", expect);
	for (char *item = strsep(&rest, " "); item; item = strsep(&rest, " ")) {
		char what[64], value[128] = "";
		size_t n = strcspn(item, "=<>");
		snprintf(what, sizeof what, "%.*s", (int)(n + (item[n] == '<' || item[n] == '>')), item);
		if (item[n])
			snprintf(value, sizeof value, "%s", item + n + 1);
		for (char *u = value; *u && strcmp(what, "voice"); u++)
			*u = *u == '_' ? ' ' : *u;
		if (!holds(c, what, value))
			wrong(c, item);
	}
}

static void test_prompts(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < LENGTH(prompts); i++)
		for (uint64_t seed = 1; seed <= 5; seed++) { /* what a prompt says holds whatever the seed */
			struct madrigal_request req = {.prompt = prompts[i].prompt, .lyrics = "la la la", .seed = seed};
			struct madrigal_error err = {0, ""};
			struct brief b;
			if (make(f, &req, &b, &err) < 0)
				fail_msg("\"%s\": %s", prompts[i].prompt, err.message);
			struct check c = {prompts[i].prompt, &b, f};
			check_all(&c, prompts[i].expect);
			assert_true(b.tempo_bpm >= 40 && b.tempo_bpm <= 240);
		}
}

/* ---- every prompt finds its genre ---- */

static int is_among(const char *list, const char *name)
{
	char padded[512], wanted[80];
	snprintf(padded, sizeof padded, " %s ", list);
	snprintf(wanted, sizeof wanted, " %s ", name);
	return strstr(padded, wanted) != NULL;
}

/* One line of tests/data/prompts.txt against the shipped styles; a song that one thing asks of may have any seed. */
static void check_genre(struct style_set *heads, const struct fixture *f, char *line)
{
	char *prompt = strsep(&line, "|"), *styles = strsep(&line, "|"), *second = line;
	assert_non_null(styles);
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct madrigal_request req = {.prompt = prompt, .lyrics = "la la la", .seed = seed};
		struct madrigal_error err = {0, ""};
		struct brief b;
		if (brief_make(&req, NULL, heads, &f->singers, f->lexicon, &b, &err) < 0)
			fail_msg("%s: %s", prompt, err.message);
		if (!is_among(styles, b.style->name))
			fail_msg("%s: wanted %s, got %s (%s)", prompt, styles, b.style->name, b.understood);
		if (second && second[strspn(second, " ")] && !is_among(second, b.influence ? b.influence->name : "-"))
			fail_msg("%s: wanted a second genre of %s, understood: %s", prompt, second, b.understood);
	}
}

static void test_prompts_find_their_genre(void **state)
{
	struct fixture *f = *state;
	struct madrigal_error err = {0, ""};
	struct style_set heads;
	char *text = NULL;
	size_t len = 0;
	assert_int_equal(style_set_open(TEST_SHARE_DIR, &heads, &err), 0);
	assert_int_equal(file_read(TEST_DATA_DIR "/prompts.txt", 1 << 20, &text, &len, &err), 0);
	int n = 0;
	char *rest = text;
	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
		if (*line && *line != '#') {
			check_genre(&heads, f, line);
			n++;
		}
	assert_true(n > 100);
	free(text);
	style_set_release(&heads);
}

/* What figures and a plain "no" say holds in every style. */
static void test_promises_hold_in_every_style(void **state)
{
	struct fixture *f = *state;
	struct madrigal_error err = {0, ""};
	struct style_set heads;
	assert_int_equal(style_set_open(TEST_SHARE_DIR, &heads, &err), 0);
	for (int i = 0; i < heads.n; i++) {
		char prompt[256];
		snprintf(prompt, sizeof prompt, "%s, 101 bpm, in F# minor, 3/4, male voice, no drums, without guitar, with cello", heads.styles[i]->name);
		struct madrigal_request req = {.prompt = prompt, .lyrics = "la la la", .seed = (uint64_t)i};
		struct brief b;
		assert_int_equal(brief_make(&req, NULL, &heads, &f->singers, f->lexicon, &b, &err), 0);
		assert_ptr_equal(b.style, heads.styles[i]); /* found by its own name */
		struct check c = {prompt, &b, f};
		check_all(&c, "bpm=101 key=F#-minor meter=3/4 gender=m says=no_drums");
		int cello = 0;
		for (int p = 0; p < BRIEF_MAX_PARTS + b.n_extra; p++) {
			const struct style_part *part = brief_part(&b, p);
			const struct style_instrument *in = brief_instrument(&b, p);
			if (!in)
				continue;
			cello |= strstr(in->name, "ello") != NULL;
			if (strstr(in->name, "uitar") || (part && !strcmp(part->role, "drums")))
				wrong(&c, in->name);
		}
		if (!cello)
			wrong(&c, "a cello");
	}
	style_set_release(&heads);
}

/* A second genre is heard: it lends a part, or changes an instrument, the swing or the tempo. */
static void test_a_second_genre_is_heard(void **state)
{
	struct fixture *f = *state;
	struct madrigal_error err = {0, ""};
	struct style_set heads;
	static const char *const pairs[][2] = {{"rock", "folk rock song, with reggae"}, {"pop", "jazzy pop"}, {"rock", "rock with latin influences"},
	                                       {"house", "house with gospel"}, {"metal", "celtic metal"}, {"soul", "soul with a touch of country"}};
	assert_int_equal(style_set_open(TEST_SHARE_DIR, &heads, &err), 0);
	for (int i = 0; i < LENGTH(pairs); i++) {
		struct madrigal_request plain = {.prompt = pairs[i][0], .lyrics = "la", .seed = 3}, mixed = {.prompt = pairs[i][1], .lyrics = "la", .seed = 3};
		struct brief a, b;
		assert_int_equal(brief_make(&plain, NULL, &heads, &f->singers, f->lexicon, &a, &err), 0);
		assert_int_equal(brief_make(&mixed, NULL, &heads, &f->singers, f->lexicon, &b, &err), 0);
		struct check c = {mixed.prompt, &b, f};
		if (!b.influence || b.influence == b.style || !strstr(b.understood, " with "))
			wrong(&c, "a second genre");
		int heard = b.n_extra > a.n_extra || b.n_swaps || b.swing_unit != NULL;
		for (int p = 0; p < BRIEF_MAX_PARTS && a.style == b.style; p++)
			heard |= brief_instrument(&a, p) != brief_instrument(&b, p);
		if (!heard)
			wrong(&c, "something of the second genre");
	}
	style_set_release(&heads);
}

/* A set of heads knows as much of a style as the choice needs, and the rest on demand. */
static void test_heads(void **state)
{
	(void)state;
	struct style_set whole, heads;
	struct madrigal_error err = {0, ""};
	assert_int_equal(style_set_load(TEST_SHARE_DIR, &whole, &err), 0);
	assert_int_equal(style_set_open(TEST_SHARE_DIR, &heads, &err), 0);
	assert_int_equal(whole.n, heads.n);
	for (int i = 0; i < whole.n; i++) {
		const struct style *a = whole.styles[i], *b = heads.styles[i];
		assert_string_equal(a->name, b->name);
		assert_string_equal(a->title, b->title);
		assert_string_equal(a->description, b->description);
		assert_int_equal(a->n_words, b->n_words);
		assert_int_equal(a->n_meters, b->n_meters);
		assert_memory_equal(&a->tempo, &b->tempo, sizeof a->tempo);
		assert_true(a->energy == b->energy && a->valence == b->valence && a->swing == b->swing);
		assert_int_equal(b->n_parts, 0);
	}
	assert_int_equal(style_set_complete(&heads, 1, &err), 0);
	assert_int_equal(heads.styles[1]->n_parts, whole.styles[1]->n_parts);
	style_set_release(&heads);
	style_set_release(&whole);
}

/* Files that aren't written plainly, or are wrong, are read whole: the message has the file's own line. */
static void test_heads_of_strange_files(void **state)
{
	(void)state;
	char dir[] = "/tmp/test-style-XXXXXX", path[128], command[256];
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/styles", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/styles/odd.yaml", dir);
	static const struct { int line; const char *text, *message; } files[] = {
		{1, "\"title\": Test waltz", ""},                                   /* a key in quotes: read whole */
		{3, "tempo: {min: 80, usual: ninety, max: 120}", ":3: usual: \"ninety\" is not a number"},
		{5, "name: even", ":1: the style calls itself \"even\""},
		{2, "wrds: 7", ""},                                                 /* not the head's: seen when the style is used */
	};
	for (int i = 0; i < LENGTH(files); i++) {
		struct buf b = buf_init(1 << 20);
		for (int k = 0; k < LENGTH(good); k++)
			buf_addf(&b, "%s\n", k + 1 == files[i].line ? files[i].text : good[k]);
		FILE *out = fopen(path, "w");
		assert_non_null(out);
		fputs(buf_str(&b), out);
		fclose(out);
		buf_release(&b);
		struct style_set set;
		struct madrigal_error err = {0, ""};
		int rc = style_set_open(dir, &set, &err);
		if (!strstr(err.message, files[i].message) || (rc == 0) != !*files[i].message)
			fail_msg("%s: said %s, wanted %s", files[i].text, err.message, files[i].message);
		if (rc < 0)
			continue;
		assert_string_equal(set.styles[0]->title, "Test waltz");
		assert_int_equal(style_set_complete(&set, 0, &err), i == 0 ? 0 : MADRIGAL_ESTYLE);
		style_set_release(&set);
	}
	snprintf(command, sizeof command, "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

/* Prose, as clients of hosted services send it. */
static void test_long_prompts(void **state)
{
	struct fixture *f = *state;
	static const struct { const char *prompt, *expect; } prose[] = {
		{"A gentle country-folk ballad carried by a steady acoustic guitar and a warm, earnest male vocal. A simple bassline and a straightforward drum beat "
		 "set a heartfelt, mid-tempo groove. A plaintive harmonica weaves in and out and takes the lead during the instrumental breaks and the outro. The "
		 "production is clean and direct, with a nostalgic and romantic atmosphere.",
		 "style=indie-folk gender=m sung extra=Harmonica plays=guitar plays=drums plays=bass bpm=86-110"},
		{"Slow tempo,haunting piano,deep strings,somber mood,echoing vocals,soft acoustic guitar,silence,slow beat gradually builds",
		 "style=pop-ballad sung bpm=60-66 plays=piano plays=strings extra=Acoustic_guitar valence<-0.4"},
		{"An aggressive, high-energy heavy metal track that explodes from the start with two heavily distorted guitars playing chugging riffs over a powerful "
		 "drum beat. The male vocalist gives a forceful, slightly raspy performance in a mid-to-high range. It is highlighted by a melodic and technical "
		 "guitar solo filled with fast runs. The production is clean yet powerful, creating an anthemic and rebellious mood.",
		 "style=rock gender=m sung energy>0.7 plays=drums plays=rhythm-guitar plays=bass noextra"},
	};
	for (int i = 0; i < LENGTH(prose); i++)
		for (uint64_t seed = 1; seed <= 5; seed++) {
			struct madrigal_request req = {.prompt = prose[i].prompt, .lyrics = "la", .seed = seed};
			struct madrigal_error err = {0, ""};
			struct brief b;
			assert_int_equal(make(f, &req, &b, &err), 0);
			struct check c = {prose[i].prompt, &b, f};
			check_all(&c, prose[i].expect);
		}
}

static void test_options_beat_the_prompt(void **state)
{
	struct fixture *f = *state;
	struct madrigal_request req = {.prompt = "rock, 120 bpm, in A minor, 3/4, female voice", .lyrics = "la", .style = "Indie Folk", .tempo_bpm = 77.5,
	                               .key = "Bb", .time_signature = "6/8", .voice = "eric", .instrumental = 1};
	struct brief b;
	struct madrigal_error err = {0, ""};
	assert_int_equal(make(f, &req, &b, &err), 0);
	struct check c = {req.prompt, &b, f};
	check_all(&c, "style=indie-folk bpm=77.5 key=A#-major meter=6/8 voice=am_eric instrumental");
}

/* The nearest style that is at home at a reference's tempo and in its meter plays it; what is said in words goes before. */
static void test_a_reference_finds_a_style_for_its_tempo(void **state)
{
	struct fixture *f = *state;
	static const struct { double bpm; int num, den; const char *prompt, *style, *time_signature; } cases[] = {
		{74, 4, 4, NULL, "pop-ballad", NULL}, {150, 4, 4, NULL, "rock", NULL}, {150, 4, 4, "pop ballad", "pop-ballad", NULL}, {110, 4, 4, NULL, "synth-pop", NULL},
		{110, 6, 8, NULL, "rock", NULL}, {74, 4, 4, "150 bpm", "rock", NULL}, {110, 4, 4, "in 6/8", "rock", NULL}, {110, 4, 4, NULL, "rock", "6/8"},
		{110, 6, 8, NULL, "synth-pop", "4/4"}, {110, 6, 8, "in 6/8", "synth-pop", "4/4"}, {0, 0, 0, NULL, "pop-ballad", NULL},
	};
	struct style_reference ref = {.style = {{"pop-ballad", 2.2f}, {"synth-pop", 2.3f}, {"rock", 2.4f}}, .tonic_pc = -1, .vibrato_cents = -1};
	for (int i = 0; i < LENGTH(cases); i++) {
		struct madrigal_request req = {.prompt = cases[i].prompt, .lyrics = "la", .time_signature = cases[i].time_signature};
		struct brief b;
		struct madrigal_error err = {0, ""};
		ref.tempo_bpm = cases[i].bpm;
		ref.meter_num = cases[i].num;
		ref.meter_den = cases[i].den;
		assert_int_equal(brief_make(&req, &ref, &f->styles, &f->singers, f->lexicon, &b, &err), 0);
		assert_string_equal(b.style->name, cases[i].style);
	}
	/* Names of styles that are not there ask for nothing. */
	struct style_reference strange = {.style = {{"polka", 1}, {"rock", 2}}, .tonic_pc = -1, .vibrato_cents = -1};
	struct madrigal_request req = {.lyrics = "la"};
	struct brief b;
	struct madrigal_error err = {0, ""};
	assert_int_equal(brief_make(&req, &strange, &f->styles, &f->singers, f->lexicon, &b, &err), 0);
	assert_string_equal(b.style->name, "rock");
}

static void test_options_out_of_range(void **state)
{
	struct fixture *f = *state;
	const struct madrigal_request bad[] = {
		{.tempo_bpm = 39.9}, {.tempo_bpm = 241}, {.tempo_bpm = -1}, {.tempo_bpm = (double)NAN}, {.key = "H minor"}, {.key = ""}, {.time_signature = "5/4"},
		{.time_signature = "34"}, {.voice = "nobody"}, {.prompt = "caf\xe9"}, {.prompt = "\xed\xa0\x80"}, {.style = "rocl"},
	};
	static const char *const says[] = {"40 to 240", "40 to 240", "40 to 240", "40 to 240", "H minor", "key", "4/4, 3/4, 6/8", "34", "did you mean", "UTF-8", "UTF-8",
	                                   "did you mean \"rock\""};
	for (int i = 0; i < LENGTH(bad); i++) {
		struct brief b;
		memset(&b, 7, sizeof b);
		struct brief before = b;
		struct madrigal_error err = {0, ""};
		int rc = make(f, &bad[i], &b, &err);
		if (rc != (bad[i].style ? MADRIGAL_ESTYLE : MADRIGAL_EUSAGE) || !strstr(err.message, says[i]))
			fail_msg("case %d: %d %s", i, rc, err.message);
		assert_memory_equal(&b, &before, sizeof b);
	}
	char *longer = malloc(2002);
	memset(longer, 'a', 2001);
	longer[2001] = 0;
	struct madrigal_request req = {.prompt = longer};
	struct brief b;
	struct madrigal_error err;
	assert_int_equal(make(f, &req, &b, &err), MADRIGAL_EUSAGE);
	longer[2000] = 0;
	assert_int_equal(make(f, &req, &b, &err), 0);
	free(longer);
}

static void test_seeds(void **state)
{
	struct fixture *f = *state;
	int styles = 0, modes = 0, tempos = 0, drawn = 0;
	struct brief first;
	struct madrigal_error err;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct madrigal_request req = {.prompt = "", .lyrics = "la", .seed = seed};
		struct brief a, b;
		assert_int_equal(make(f, &req, &a, &err), 0);
		assert_int_equal(make(f, &req, &b, &err), 0);
		assert_memory_equal(&a, &b, sizeof a);
		assert_true(a.tempo_bpm >= (double)a.style->tempo.min && a.tempo_bpm <= (double)a.style->tempo.max);
		assert_true(a.tempo_bpm == (double)(int)a.tempo_bpm);
		if (seed == 0)
			first = a;
		styles += a.style != first.style;
		modes += a.minor != first.minor;
		tempos += a.tempo_bpm != first.tempo_bpm;
		req.style = "pop-ballad";
		assert_int_equal(make(f, &req, &a, &err), 0);
		drawn += a.instrument[4] >= 0; /* the optional cello */
	}
	assert_true(styles > 5 && modes > 5 && tempos > 5);
	assert_in_range(drawn, 4, 28);
}

static void test_instrumental_without_lyrics(void **state)
{
	struct fixture *f = *state;
	struct madrigal_request req = {.prompt = "calm instrumental music"};
	struct brief b;
	struct madrigal_error err;
	assert_int_equal(make(f, &req, &b, &err), 0);
	assert_int_equal(b.instrumental, 1);
	req.lyrics = "## \n";
	assert_int_equal(make(f, &req, &b, &err), 0);
	assert_int_equal(b.instrumental, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_style_is_read_and_filled),
		cmocka_unit_test(test_faults_name_their_line),
		cmocka_unit_test(test_strange_files),
		cmocka_unit_test(test_every_shipped_style_is_sound),
		cmocka_unit_test(test_the_manual_s_style_loads),
		cmocka_unit_test(test_sections_fall_back_to_the_verse),
		cmocka_unit_test(test_styles_are_found_by_name),
		cmocka_unit_test(test_singers_are_found_by_name),
		cmocka_unit_test(test_prompts),
		cmocka_unit_test(test_prompts_find_their_genre),
		cmocka_unit_test(test_promises_hold_in_every_style),
		cmocka_unit_test(test_a_second_genre_is_heard),
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_heads_of_strange_files),
		cmocka_unit_test(test_long_prompts),
		cmocka_unit_test(test_options_beat_the_prompt),
		cmocka_unit_test(test_a_reference_finds_a_style_for_its_tempo),
		cmocka_unit_test(test_options_out_of_range),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_instrumental_without_lyrics),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
