package diag

import (
	"errors"
	"testing"
)

func TestProblemsAreSortedAndUnique(t *testing.T) {
	a := At("content/b.md", 3, "unknown key %q", "titel")
	b := At("content/a.md", 9, "no such clip")
	c := At("content/a.md", 2, "no title")
	other := errors.New("disk full")
	problems, rest := Problems(errors.Join(a, errors.Join(b, other), c, At("content/a.md", 2, "no title")))
	var got []string
	for _, p := range problems {
		got = append(got, p.Error())
	}
	want := []string{"content/a.md:2: no title", "content/a.md:9: no such clip", `content/b.md:3: unknown key "titel"`}
	if len(got) != len(want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("problem %d is %q, want %q", i, got[i], want[i])
		}
	}
	if len(rest) != 1 || !errors.Is(rest[0], other) {
		t.Errorf("rest is %v, want the one error that is no Problem", rest)
	}
}

func TestErrorWithoutPlace(t *testing.T) {
	if got := At("", 0, "nothing to build").Error(); got != "nothing to build" {
		t.Errorf("got %q", got)
	}
	if got := At("site.yaml", 0, "empty").Error(); got != "site.yaml: empty" {
		t.Errorf("got %q", got)
	}
}
