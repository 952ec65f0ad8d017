package bucket

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// FuzzManifest holds that whatever bytes are found in a bucket, what is read from them names no object twice, nothing
// outside the site, no state to be published and no pointer to be deleted, and is the same after another round.
func FuzzManifest(f *testing.F) {
	sum := strings.Repeat("0a", 32)
	for _, seed := range []string{
		`{"version":1,"generation":2,"objects":[{"key":"a/index.html","size":3,"sha256":"` + sum + `","headers":{"type":"text/html"},"wave":3,"etag":"x","version":"v"}],` +
			`"gone":[{"key":".matinee/kept/x","of":"b","size":1,"etag":"y","generation":1,"time":"2026-11-22T00:00:00Z"}],"doomed":[{"key":"c","side":"stream"}]}`,
		`{"version":1,"generation":1,"objects":[{"key":"../x"}]}`,
		`{"version":1,"generation":1,"doomed":[{"key":".matinee/current"}]}`,
		`{"version":2}`, `{}`, ``, `null`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var packed bytes.Buffer
		zip := gzip.NewWriter(&packed)
		if _, err := zip.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := zip.Close(); err != nil {
			t.Fatal(err)
		}
		m, err := unmarshalManifest(packed.Bytes())
		if err != nil {
			return
		}
		seen := map[Ref]bool{}
		for _, e := range m.Objects {
			if seen[e.ref()] || !fs.ValidPath(e.Key) || strings.HasPrefix(e.Key, StatePrefix) {
				t.Errorf("%q is an object", e.Key)
			}
			seen[e.ref()] = true
		}
		for _, d := range m.Doomed {
			if seen[d.Ref] || d.Key == PointerKey || !fs.ValidPath(d.Key) {
				t.Errorf("%q is doomed", d.Key)
			}
		}
		first, err := m.marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := unmarshalManifest(first)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		second, err := again.marshal()
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("another round changes it, %v", err)
		}
	})
}

// FuzzManifestBytes holds that no bytes make reading panic or run away.
func FuzzManifestBytes(f *testing.F) {
	packed, err := (&Manifest{Version: formatVersion, Generation: 1}).marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Add(packed[:len(packed)/2])
	f.Fuzz(func(_ *testing.T, packed []byte) { _, _ = unmarshalManifest(packed) })
}

// FuzzPointer holds that a pointer read from any bytes leads to manifests only, in order, and survives a round.
func FuzzPointer(f *testing.F) {
	f.Add([]byte(`{"version":1,"site":"x","generations":[{"number":1,"manifest":".matinee/manifest-000001-ab.json.gz"}],"lock":{"ttl_seconds":120},"pendingInvalidation":{"":["/a"]},"adding":[{"key":"x"}]}`))
	f.Add([]byte(`{"version":1,"generations":[{"number":1,"manifest":".matinee/current"}]}`))
	f.Add([]byte(`{"version":1,"generations":[{"number":2,"manifest":".matinee/manifest-../../x"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := unmarshalPointer(data)
		if err != nil {
			return
		}
		for i, g := range p.Generations {
			if !strings.HasPrefix(g.Manifest, manifestPrefix) || strings.Contains(g.Manifest, "..") && strings.Contains(g.Manifest, "/../") || i > 0 && g.Number <= p.Generations[i-1].Number {
				t.Errorf("generation %d is %q", g.Number, g.Manifest)
			}
		}
		written, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := unmarshalPointer(written)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if twice, err := json.Marshal(again); err != nil || !bytes.Equal(written, twice) {
			t.Errorf("another round changes it, %v", err)
		}
	})
}

func TestInvalidation(t *testing.T) {
	var site []string
	for _, dir := range []string{"tags/", "", "series/one/"} {
		for i := range 40 {
			site = append(site, dir+string(rune('a'+i%26))+strings.Repeat("x", i/26)+"/index.html")
		}
	}
	site = append(site, "index.html", "a b*ü.html", "feed.xml")
	tags := site[:40]
	for _, c := range []struct {
		name  string
		stale []string
		want  []string
	}{
		{"nothing", nil, nil},
		{"the home page", []string{"index.html"}, []string{"/", "/index.html"}},
		{"a page twice", []string{"b/index.html", "b/index.html"}, []string{"/b/", "/b/index.html"}},
		{"an odd name", []string{"a b*ü.html"}, []string{"/a%20b%2A%C3%BC.html"}},
		{"few pages of a small folder are named", []string{"gone/a/index.html", "gone/b.html"}, []string{"/gone/a/", "/gone/a/index.html", "/gone/b.html"}},
		{"most of a folder and a page", append(slices.Clone(tags[:30]), "feed.xml"), []string{"/feed.xml", "/tags/*"}},
		{"less than half of a folder", tags[:19], []string{"/*"}},
		{"most of the site", site[:90], []string{"/*"}},
	} {
		if got := invalidation(c.stale, site); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// FuzzInvalidation holds that no stale page is forgotten, however paths are folded, and that there are never many.
func FuzzInvalidation(f *testing.F) {
	f.Add("a/index.html\nb/c.html\nindex.html", uint8(3))
	f.Add(strings.Repeat("a/b/c\nd*/e/index.html\n", 50), uint8(200))
	f.Fuzz(func(t *testing.T, text string, n uint8) {
		var all []string
		for i, key := range strings.Split(text, "\n") {
			if key += strings.Repeat("/x", i%3) + string(rune('a'+i%26)); fs.ValidPath(key) {
				all = append(all, key)
			}
		}
		stale := all[:min(len(all), int(n))]
		paths := invalidation(stale, all)
		if len(paths) > maxPaths {
			t.Errorf("%d paths", len(paths))
		}
		for _, key := range stale {
			for _, path := range pathsOf(key) {
				if !slices.ContainsFunc(paths, func(p string) bool {
					prefix, isWildcard := strings.CutSuffix(p, "*")
					return p == path || isWildcard && strings.HasPrefix(path, prefix)
				}) {
					t.Errorf("%q of %q is not covered by %q", path, key, paths)
				}
			}
		}
	})
}

// Diff of a manifest with itself is nothing, and what Diff plans is all that differs.
func TestDiff(t *testing.T) {
	local := []Object{
		{Key: "a", SHA256: "1", Size: 1}, {Key: "b", SHA256: "2", Size: 2, Wave: Pages}, {Key: "c", SHA256: "3", Size: 9, Immutable: true},
	}
	plan := Diff(local, Manifest{}, Rules{})
	if len(plan.Changes) != 3 || plan.Changes[0].Key != "c" || plan.Changes[2].Key != "b" {
		t.Errorf("the first plan is %+v, want the largest first and pages last", plan.Changes)
	}
	remote := plan.next
	if plan = Diff(local, remote, Rules{}); len(plan.Changes)+len(plan.Deletes)+plan.Dropped != 0 || plan.Unchanged != (Tally{3, 12}) {
		t.Errorf("nothing changed: %+v", plan)
	}
	if !reflect.DeepEqual(plan.next.Objects, remote.Objects) {
		t.Error("the manifest changed")
	}
	local[0].Side = Stream
	plan = Diff(local, remote, Rules{CDN: map[Side]bool{Site: true}, PruneNow: true})
	if len(plan.Changes) != 1 || len(plan.Deletes) != 1 || plan.Deletes[0].Ref != (Ref{Site, "a"}) || !slices.Equal(plan.Invalidate[Site], []string{"/a"}) {
		t.Errorf("into another bucket: %+v", plan)
	}
}
