package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"sync"

	"matinee/internal/bucket"
	"matinee/internal/preview"
	"matinee/internal/visit"
)

// A livePage is an address that visitors ask for, or why there is none.
type livePage struct {
	check string
	want  visit.Want
	none  error
}

// checkLive asks for three addresses as a browser does: the home page, a style sheet or script, and a piece of a film.
func (c *checkup) checkLive(ctx context.Context) []finding {
	pages := c.livePages()
	findings := make([]finding, len(pages))
	var group sync.WaitGroup
	for i, p := range pages {
		if p.none != nil {
			findings[i] = finding{Check: p.check, Outcome: skipped, Text: p.none.Error()}
			continue
		}
		group.Go(func() { findings[i] = c.visit(ctx, p) })
	}
	group.Wait()
	return findings
}

// livePages chooses the addresses, from what is published where that is known.
func (c *checkup) livePages() []livePage {
	pages := []livePage{{check: "home page"}, {check: "asset"}, {check: "film"}}
	base := siteURL(c.cfg, c.flags)
	h, err := c.cloud.health()
	var reason error
	switch {
	case c.configErr != nil:
		reason = noConfig
	case base == "":
		reason = skip("site.yaml has no url")
	case err == nil && h.Generation.Number == 0 || errors.Is(err, nothingYet):
		reason = skip("nothing is published yet")
	}
	if reason != nil {
		for i := range pages {
			pages[i].none = reason
		}
		return pages
	}
	files := c.published(h)
	pages[0].want = c.want(base, "index.html", 0)
	pages[0].want.URL, pages[0].want.Header = base, preview.Headers("index.html", c.cfg.Streaming.URL, streamOrigins(c.flags)...)
	pages[1].choose(files, skip("no style sheet or script is known to be published"), func(o bucket.Object) bool {
		return strings.HasPrefix(o.Key, "assets/") && (path.Ext(o.Key) == ".css" || path.Ext(o.Key) == ".js")
	}, func(o bucket.Object) visit.Want { return c.want(base, o.Key, 0) })
	pages[2].choose(files, skip("no film is known to be published"), func(o bucket.Object) bool {
		return strings.HasPrefix(o.Key, "stream/") && path.Ext(o.Key) == ".mp4"
	}, func(o bucket.Object) visit.Want {
		return c.want(cmp.Or(withSlash(c.cfg.Streaming.URL), base), o.Key, o.Size)
	})
	return pages
}

// published lists what should be there: the records say it, or else the last build.
func (c *checkup) published(h *bucket.Health) []bucket.Object {
	var files []bucket.Object
	if h != nil {
		for i := range h.Manifest.Objects {
			files = append(files, h.Manifest.Objects[i].Object)
		}
		return files
	}
	built, err := c.built()
	if err != nil {
		return nil
	}
	return publishedObjects(built, &bucket.Publisher{})
}

// choose takes the first file that will do.
func (p *livePage) choose(files []bucket.Object, none error, will func(bucket.Object) bool, want func(bucket.Object) visit.Want) {
	for _, o := range files {
		if will(o) {
			p.want = want(o)
			return
		}
	}
	p.none = none
}

// want is what an answer should be like.
func (c *checkup) want(base, key string, size int64) visit.Want {
	w := visit.Want{URL: base + (&url.URL{Path: key}).EscapedPath(), Header: preview.Headers(key, c.cfg.Streaming.URL), Size: size}
	if site := origin(siteURL(c.cfg, c.flags)); site != origin(base) {
		w.Origin = site
	}
	return w
}

// origin is the part of an address that browsers tell sites apart by.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// visit asks for one address.
func (c *checkup) visit(ctx context.Context, p livePage) finding {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	answer, flaws, err := c.visitor.Visit(ctx, p.want)
	if noAnswer, ok := errors.AsType[*visit.Error](err); ok {
		return finding{p.check, problem, p.want.URL + ": " + noAnswer.Text, nil, noAnswer.Hint, exitMissing}
	}
	if err != nil {
		return failed(p.check, err)
	}
	f := finding{Check: p.check, Outcome: fine, Text: fmt.Sprintf("%s: %d, %s", p.want.URL, answer.Status, answer.Proto)}
	for _, said := range []string{answer.TLS, answer.Header.Get("Content-Type"), answer.Header.Get("Cache-Control")} {
		if said != "" {
			f.Text += ", " + said
		}
	}
	for i, flaw := range flaws {
		if i == 0 {
			f.Outcome, f.Hint = warning, flaw.Hint
		}
		if flaw.IsFatal && f.Outcome != problem {
			f.Outcome, f.Hint, f.code = problem, flaw.Hint, exitMissing
		}
		f.Details = append(f.Details, flaw.Text)
	}
	return f
}
