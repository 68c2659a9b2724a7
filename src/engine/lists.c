/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What there is: styles, singers, and what is installed. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/find.h"
#include "style/singer.h"
#include "style/style.h"
#include "voice/model_cut.h"
#include "voice/voice.h"

static int no_share(struct madrigal_error *err)
{
	return err_set(err, MADRIGAL_EMISSING, "Madrigal's data folder is not where it should be; install again, or name it in MADRIGAL_SHARE");
}

int madrigal_each_style(const struct madrigal_paths *paths, madrigal_entry_fn *fn, void *user, struct madrigal_error *err)
{
	struct found_paths found;
	struct style_set set;
	find_paths(paths, &found);
	if (!*found.share_dir)
		return no_share(err);
	int rc = style_set_load(found.share_dir, &set, err);
	if (rc)
		return rc;
	for (int i = 0; i < set.n; i++) {
		const struct madrigal_entry e = { set.styles[i]->name, set.styles[i]->title, set.styles[i]->description };
		if (fn(user, &e))
			break;
	}
	style_set_release(&set);
	return 0;
}

int madrigal_each_voice(const struct madrigal_paths *paths, madrigal_entry_fn *fn, void *user, struct madrigal_error *err)
{
	struct found_paths found;
	struct singer_set set;
	find_paths(paths, &found);
	if (!*found.share_dir)
		return no_share(err);
	int rc = singer_set_load(found.share_dir, &set, err);
	if (rc)
		return rc;
	for (unsigned i = 0; i < set.n; i++) {
		const struct madrigal_entry e = { set.singers[i].name, set.singers[i].title, set.singers[i].description };
		if (fn(user, &e))
			break;
	}
	singer_set_release(&set);
	return 0;
}

struct doctor {
	madrigal_check_fn *fn;
	void *user;
	int missing, stopped;
};

static void check(struct doctor *d, const char *what, const char *found, const char *mend)
{
	int ok = found && *found;
	const struct madrigal_check c = { .what = what, .ok = ok, .found = ok ? found : NULL, .mend = ok ? NULL : mend };
	d->missing += !ok;
	if (d->fn && !d->stopped)
		d->stopped = d->fn(d->user, &c);
}

static void check_styles(struct doctor *d, const struct found_paths *p)
{
	struct style_set set;
	struct madrigal_error err;
	char text[PATH_MAX + 32];
	if (!*p->share_dir) {
		check(d, "styles", NULL, "install Madrigal again (make install), or name its data folder in MADRIGAL_SHARE");
	} else if (style_set_load(p->share_dir, &set, &err)) {
		check(d, "styles", NULL, err.message);
	} else {
		snprintf(text, sizeof text, "%d in %s/styles", set.n, p->share_dir);
		style_set_release(&set);
		check(d, "styles", text, NULL);
	}
}

static void check_phonemes(struct doctor *d, const struct found_paths *p)
{
	struct lexicon *lx;
	struct madrigal_error err;
	if (!*p->share_dir || lexicon_new(p->share_dir, NULL, &lx, &err)) {
		check(d, "phonemes (espeak-ng)", NULL, "apt-get install espeak-ng-data");
		return;
	}
	lexicon_free(lx);
	check(d, "phonemes (espeak-ng)", "installed", NULL);
}

static void check_voice(struct doctor *d, const struct found_paths *p)
{
	struct voice *v;
	struct madrigal_error err;
	check(d, "neural runtime (ONNX Runtime)", p->runtime, "make voice");
	if (!*p->voice_dir || !*p->runtime) {
		check(d, "voice (Kokoro-82M)", NULL, "make voice");
	} else if (voice_open(p->voice_dir, p->runtime, &v, &err)) {
		check(d, "voice (Kokoro-82M)", NULL, err.message);
	} else {
		voice_close(v);
		check(d, "voice (Kokoro-82M)", p->voice_dir, NULL);
	}
}

int madrigal_doctor(const struct madrigal_paths *paths, madrigal_check_fn *fn, void *user)
{
	struct doctor d = { .fn = fn, .user = user };
	struct found_paths p;
	find_paths(paths, &p);
	check_styles(&d, &p);
	check_phonemes(&d, &p);
	check_voice(&d, &p);
	check(&d, "instruments (General MIDI SoundFont)", access(p.soundfont, R_OK) == 0 ? p.soundfont : NULL, "apt-get install musescore-general-soundfont");
	check(&d, "drum kit Black Pearl", p.black_pearl, "apt-get install avldrums.lv2-soundfont");
	check(&d, "drum kit Red Zeppelin", p.red_zeppelin, "apt-get install avldrums.lv2-soundfont");
	return d.missing ? MADRIGAL_EMISSING : 0;
}

int madrigal_install_voice(const char *voice_dir, struct madrigal_error *err)
{
	char model[PATH_MAX];
	int n = snprintf(model, sizeof model, "%s/kokoro.onnx", voice_dir);
	if (n < 0 || (size_t)n >= sizeof model)
		return err_set(err, MADRIGAL_EIO, "the path is too long: %s", voice_dir);
	return model_cut(model, voice_dir, err);
}
