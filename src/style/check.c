/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "style/check.h"

#include <stdio.h>
#include <string.h>

#include "score/chord.h"
#include "score/drums.h"
#include "style/nearest.h"

#define LENGTH(a) ((int)(sizeof(a) / sizeof *(a)))
#define MAX_PATTERN_BARS 16
#define MAX_CHORD_BARS 32

static const char *const meters[] = {"4/4", "3/4", "6/8"};
static const char *const modes[] = {"major", "minor"};
static const char *const soundfonts[] = {"general", "black-pearl", "red-zeppelin"};
static const char *const endings[] = {"ring", "stop", "fade"};
static const char *const manners[] = {"legato", "staccato", "laid back", "rap"};
static const char *const genders[] = {"f", "m", "any"};
static const char *const swing_units[] = {"8", "16"};
static const char *const delay_notes[] = {"1/4", "1/8d", "1/8"};
static const char *const groove_sections[] = {"fill", "ending", "any"};

/* The characters of a pattern by role, beside '.' and '-'. */
static const char *const steps_of_role[PART_ROLES] = {
	[ROLE_DRUMS] = "xXgfr", [ROLE_PERCUSSION] = "xXgfr", [ROLE_BASS] = "R3578awr", [ROLE_COMP] = "cCduDUmlb123456",
	[ROLE_PAD] = "cCduDUmlb123456", [ROLE_LEAD] = "xX", [ROLE_COUNTER] = "xX",
};

static int find(const char *const *list, int n, const char *s)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(list[i], s))
			return i;
	return -1;
}

/* value must be in list; else an error that names what is allowed, or the nearest of many. */
static int check_name(const struct yaml_doc *d, int line, const char *what, const char *value, const char *const *list, int n,
                      struct madrigal_error *err)
{
	if (find(list, n, value) >= 0)
		return 0;
	char allowed[256] = "";
	size_t len = 0;
	struct nearest near = nearest_to(value);
	for (int i = 0; i < n; i++) {
		nearest_try(&near, list[i]);
		int w = snprintf(allowed + len, sizeof allowed - len, "%s%s", i ? ", " : "", list[i]);
		if (w > 0 && len + (size_t)w < sizeof allowed)
			len += (size_t)w;
	}
	const char *slip = nearest_slip(&near);
	if (slip)
		return yaml_error(d, line, err, "unknown %s \"%.40s\": did you mean \"%s\"?", what, value, slip);
	return yaml_error(d, line, err, "unknown %s \"%.40s\": there are %s", what, value, allowed);
}

static int is_identifier(const char *s)
{
	return *s && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(s);
}

static int steps_in_bar(const char *meter)
{
	return !strcmp(meter, "4/4") ? 16 : 12;
}

/* ---- chords ---- */

static int check_bars(const struct yaml_doc *d, int line, const char *bars, struct madrigal_error *err)
{
	int bar = 1, in_bar = 0;
	for (const char *p = bars;; p++) {
		p += strspn(p, " \t\r\n");
		if (*p == '|' || !*p) {
			if (!in_bar)
				return yaml_error(d, line, err, "bar %d has no chord", bar);
			if (!*p)
				return 0;
			if (++bar > MAX_CHORD_BARS)
				return yaml_error(d, line, err, "more than %d bars of chords", MAX_CHORD_BARS);
			in_bar = 0;
			continue;
		}
		size_t len = strcspn(p, " \t\r\n|");
		char roman[32];
		if (len >= sizeof roman)
			return yaml_error(d, line, err, "bar %d: \"%.40s\" is not a chord", bar, p);
		memcpy(roman, p, len);
		roman[len] = 0;
		struct chord c;
		struct madrigal_error why;
		if (chord_parse(roman, &c, &why) < 0)
			return yaml_error(d, line, err, "bar %d: %s", bar, why.message);
		if (++in_bar > 4)
			return yaml_error(d, line, err, "bar %d has more than 4 chords", bar);
		p += len - 1;
	}
}

static int check_chords(const struct yaml_doc *d, const struct style *s, struct madrigal_error *err)
{
	int list = yaml_child(d, 0, "chords"), verse[2] = {0, 0};
	for (unsigned i = 0; i < s->n_chords; i++) {
		const struct style_chords *c = &s->chords[i];
		int node = yaml_item(d, list, (int)i);
		int rc = check_name(d, yaml_line(d, node, "section"), "section", c->section, section_ids, SECTION_KINDS, err);
		if (rc == 0)
			rc = check_name(d, yaml_line(d, node, "mode"), "mode", c->mode, modes, LENGTH(modes), err);
		if (rc == 0)
			rc = check_bars(d, yaml_line(d, node, "bars"), c->bars, err);
		if (rc < 0)
			return rc;
		if (!strcmp(c->section, section_ids[SECTION_VERSE]) && c->weight > 0)
			verse[find(modes, 2, c->mode)] = 1;
	}
	for (int m = 0; m < 2; m++)
		if (!verse[m]) /* a prompt may ask for either mode of any style */
			return yaml_error(d, d->nodes[list].line, err, "no %s chords for the verse", modes[m]);
	return 0;
}

/* ---- patterns ---- */

static int check_steps(const struct yaml_doc *d, int line, const char *steps, const char *meter, enum part_role role, int *ret_bars,
                       struct madrigal_error *err)
{
	int full = steps_in_bar(meter), bar = 1, in_bar = 0, sounding = 0;
	for (const char *p = steps; *p; p++) {
		if (strchr(" \t\r\n", *p))
			continue;
		if (*p == '|') {
			if (in_bar != full)
				return yaml_error(d, line, err, "bar %d has %d steps: a bar of %s has %d", bar, in_bar, meter, full);
			if (++bar > MAX_PATTERN_BARS)
				return yaml_error(d, line, err, "more than %d bars", MAX_PATTERN_BARS);
			in_bar = 0;
			continue;
		}
		in_bar++;
		if (*p == '-' && !sounding)
			return yaml_error(d, line, err, "bar %d, step %d: '-' holds a note, but none sounds; '.' is a rest", bar, in_bar);
		if (*p != '.' && *p != '-' && !strchr(steps_of_role[role], *p)) {
			char shown[24] = "a strange character";
			if (*p > ' ' && *p < 0x7f)
				snprintf(shown, sizeof shown, "'%c'", *p);
			return yaml_error(d, line, err, "bar %d, step %d: %s is not a step of a %s part: there are %s . -", bar, in_bar, shown,
			                  part_role_ids[role], steps_of_role[role]);
		}
		sounding = *p != '.';
	}
	if (in_bar != full)
		return yaml_error(d, line, err, "bar %d has %d steps: a bar of %s has %d", bar, in_bar, meter, full);
	*ret_bars = bar;
	return 0;
}

static int check_lanes(const struct yaml_doc *d, int node, const struct style_groove *g, enum part_role role, struct madrigal_error *err)
{
	int drums = role == ROLE_DRUMS || role == ROLE_PERCUSSION;
	int list = yaml_child(d, node, "lanes"), bars[16], most = 0;
	if (!drums && g->n_lanes > 1)
		return yaml_error(d, d->nodes[list].line, err, "a %s part has one lane, not %u", part_role_ids[role], g->n_lanes);
	for (unsigned i = 0; i < g->n_lanes; i++) {
		const struct style_lane *l = &g->lanes[i];
		int lane = yaml_item(d, list, (int)i);
		if (!l->drum)
			return yaml_error(d, d->nodes[lane].line, err, "\"drum\" is missing");
		if (drums && drum_key(l->drum) < 0)
			return yaml_error(d, yaml_line(d, lane, "drum"), err, "unknown drum \"%.40s\"", l->drum);
		if (!drums && strcmp(l->drum, "notes"))
			return yaml_error(d, yaml_line(d, lane, "drum"), err, "a %s part has no drums: leave \"drum\" out", part_role_ids[role]);
		for (unsigned k = 0; k < i; k++)
			if (!strcmp(g->lanes[k].drum, l->drum))
				return yaml_error(d, yaml_line(d, lane, "drum"), err, "\"%s\" has two lanes", l->drum);
		int rc = check_steps(d, yaml_line(d, lane, "steps"), l->steps, g->meter, role, &bars[i], err);
		if (rc < 0)
			return rc;
		if (bars[i] > most)
			most = bars[i];
	}
	for (unsigned i = 0; i < g->n_lanes; i++)
		if (most % bars[i]) /* the lanes must come round together */
			return yaml_error(d, yaml_line(d, yaml_item(d, list, (int)i), "steps"), err, "%d bars do not fit into the groove's %d", bars[i], most);
	return 0;
}

static int check_groove(const struct yaml_doc *d, int node, const struct style_groove *g, enum part_role role, struct madrigal_error *err)
{
	int rc = check_name(d, yaml_line(d, node, "meter"), "meter", g->meter, meters, LENGTH(meters), err);
	int list = yaml_child(d, node, "sections");
	for (unsigned i = 0; rc == 0 && i < g->n_sections; i++)
		if (find(groove_sections, LENGTH(groove_sections), g->sections[i]) < 0)
			rc = check_name(d, d->nodes[yaml_item(d, list, (int)i)].line, "section", g->sections[i], section_ids, SECTION_KINDS, err);
	return rc == 0 ? check_lanes(d, node, g, role, err) : rc;
}

/* ---- parts ---- */

static float intensity_of(const struct style_part *p, int section)
{
	for (int k = section; k >= 0; k = section_fallback((enum section_kind)k))
		for (unsigned i = 0; i < p->n_plays; i++)
			if (!strcmp(p->plays[i].section, section_ids[k]))
				return p->plays[i].intensity;
	return 0;
}

static int has_groove(const struct style_part *p, const char *meter, const char *section)
{
	for (unsigned i = 0; i < p->n_grooves; i++) {
		const struct style_groove *g = &p->grooves[i];
		for (unsigned k = 0; k < g->n_sections && !strcmp(g->meter, meter) && g->weight > 0; k++)
			if (!strcmp(g->sections[k], section) || !strcmp(g->sections[k], "any"))
				return 1;
	}
	return 0;
}

/* In each meter that the style claims, a part has something to play wherever it isn't silent. */
static int check_cover(const struct yaml_doc *d, int node, const struct style *s, const struct style_part *p, struct madrigal_error *err)
{
	for (unsigned m = 0; m < s->n_meters; m++)
		for (int section = 0; section < SECTION_KINDS; section++) {
			if (intensity_of(p, section) <= 0)
				continue;
			int found = 0;
			for (int k = section; k >= 0 && !found; k = section_fallback((enum section_kind)k))
				found = has_groove(p, s->meters[m], section_ids[k]);
			if (!found)
				return yaml_error(d, yaml_line(d, node, "grooves"), err, "%s plays in the %s, but has no groove in %s for it (nor for \"any\")", p->name,
				                  section_ids[section], s->meters[m]);
		}
	return 0;
}

static int check_instrument(const struct yaml_doc *d, int node, const struct style_instrument *in, enum part_role role, struct madrigal_error *err)
{
	int rc = check_name(d, yaml_line(d, node, "soundfont"), "soundfont", in->soundfont, soundfonts, LENGTH(soundfonts), err);
	if (rc < 0)
		return rc;
	if (in->low > in->high)
		return yaml_error(d, yaml_line(d, node, "low"), err, "low is %d, above high, %d", in->low, in->high);
	if ((role == ROLE_BASS || role == ROLE_COMP || role == ROLE_PAD) && in->high - in->low < 12)
		return yaml_error(d, yaml_line(d, node, "low"), err, "low to high is less than an octave: not every chord fits");
	return 0;
}

static int check_plays(const struct yaml_doc *d, int node, const struct style_part *p, struct madrigal_error *err)
{
	int list = yaml_child(d, node, "plays"), said = list >= 0 ? d->nodes[list].n : 0;
	for (int i = 0; i < said; i++) {
		int line = yaml_line(d, yaml_item(d, list, i), "section");
		int rc = check_name(d, line, "section", p->plays[i].section, section_ids, SECTION_KINDS, err);
		if (rc < 0)
			return rc;
		for (int k = 0; k < i; k++)
			if (!strcmp(p->plays[k].section, p->plays[i].section))
				return yaml_error(d, line, err, "\"%s\" is there twice", p->plays[i].section);
	}
	return 0;
}

static int check_part(const struct yaml_doc *d, int node, const struct style *s, unsigned index, struct madrigal_error *err)
{
	const struct style_part *p = &s->parts[index];
	int name_line = yaml_line(d, node, "name");
	if (!is_identifier(p->name))
		return yaml_error(d, name_line, err, "part name \"%.40s\": only a-z, 0-9 and - are allowed", p->name);
	for (unsigned i = 0; i < index; i++)
		if (!strcmp(s->parts[i].name, p->name))
			return yaml_error(d, name_line, err, "two parts are called \"%s\"", p->name);
	int rc = check_name(d, yaml_line(d, node, "role"), "role", p->role, part_role_ids, PART_ROLES, err);
	if (rc < 0)
		return rc;
	enum part_role role = (enum part_role)find(part_role_ids, PART_ROLES, p->role);
	int list = yaml_child(d, node, "instruments");
	for (unsigned i = 0; rc == 0 && i < p->n_instruments; i++)
		rc = check_instrument(d, yaml_item(d, list, (int)i), &p->instruments[i], role, err);
	if (rc == 0)
		rc = check_plays(d, node, p, err);
	list = yaml_child(d, node, "grooves");
	for (unsigned i = 0; rc == 0 && i < p->n_grooves; i++)
		rc = check_groove(d, yaml_item(d, list, (int)i), &p->grooves[i], role, err);
	return rc == 0 ? check_cover(d, node, s, p, err) : rc;
}

/* ---- the whole ---- */

static int check_head(const struct yaml_doc *d, const struct style *s, struct madrigal_error *err)
{
	int tempo = yaml_child(d, 0, "tempo"), form = yaml_child(d, 0, "form");
	if (!is_identifier(s->name))
		return yaml_error(d, yaml_line(d, 0, "name"), err, "name \"%.40s\": only a-z, 0-9 and - are allowed", s->name);
	if (!(s->tempo.min <= s->tempo.usual && s->tempo.usual <= s->tempo.max))
		return yaml_error(d, d->nodes[tempo].line, err, "tempo: min <= usual <= max is wanted, not %g, %g, %g", (double)s->tempo.min,
		                  (double)s->tempo.usual, (double)s->tempo.max);
	if (s->tempo.min < 40 || s->tempo.max > 240)
		return yaml_error(d, d->nodes[tempo].line, err, "tempo: 40 to 240 bpm is allowed");
	int list = yaml_child(d, 0, "meters"), rc = 0;
	for (unsigned i = 0; rc == 0 && i < s->n_meters; i++) {
		int line = list >= 0 ? d->nodes[yaml_item(d, list, (int)i)].line : 1;
		rc = check_name(d, line, "meter", s->meters[i], meters, LENGTH(meters), err);
		for (unsigned k = 0; rc == 0 && k < i; k++)
			if (!strcmp(s->meters[k], s->meters[i]))
				rc = yaml_error(d, line, err, "\"%s\" is there twice", s->meters[i]);
	}
	if (rc == 0)
		rc = check_name(d, yaml_line(d, 0, "swing_unit"), "swing_unit", s->swing_unit, swing_units, LENGTH(swing_units), err);
	if (rc == 0 && form >= 0)
		rc = check_name(d, yaml_line(d, form, "ending"), "ending", s->form.ending, endings, LENGTH(endings), err);
	if (rc == 0 && s->form.line_bars == 3)
		rc = yaml_error(d, yaml_line(d, form, "line_bars"), err, "line_bars is 3: a line of lyrics takes 1, 2 or 4");
	return rc;
}

int style_check(const struct yaml_doc *d, const struct style *s, struct madrigal_error *err)
{
	int singer = yaml_child(d, 0, "singer"), mix = yaml_child(d, 0, "mix");
	int rc = check_head(d, s, err);
	if (rc == 0 && singer >= 0)
		rc = check_name(d, yaml_line(d, singer, "gender"), "gender", s->singer.gender, genders, LENGTH(genders), err);
	if (rc == 0 && singer >= 0)
		rc = check_name(d, yaml_line(d, singer, "manner"), "manner", s->singer.manner, manners, LENGTH(manners), err);
	if (rc == 0 && mix >= 0)
		rc = check_name(d, yaml_line(d, mix, "vocal_delay_note"), "vocal_delay_note", s->mix.vocal_delay_note, delay_notes, LENGTH(delay_notes), err);
	if (rc == 0)
		rc = check_chords(d, s, err);
	int list = yaml_child(d, 0, "parts"), steady = 0;
	for (unsigned i = 0; rc == 0 && i < s->n_parts; i++) {
		rc = check_part(d, yaml_item(d, list, (int)i), s, i, err);
		steady += !s->parts[i].optional;
	}
	if (rc == 0 && !steady)
		rc = yaml_error(d, d->nodes[list].line, err, "every part is optional: a song needs one that always plays");
	return rc;
}
