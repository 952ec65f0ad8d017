package output

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"matinee/internal/diag"
)

// conflicts collects the files of someone else's that stand where the site needs to write.
type conflicts struct {
	mu    sync.Mutex
	files []string
}

func (c *conflicts) add(file string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files = append(c.files, file)
}

// err reports the conflicts, sorted. Someone whose manifest was lost has one for every page: the first few tell.
func (c *conflicts) err() error {
	const shown = 10
	slices.Sort(c.files)
	files := slices.Compact(c.files)
	var problems []error
	for i, file := range files {
		p := diag.At(file, 0, "the site has a file of this name, but this one was not written by an earlier build").
			WithHint("move it away, or delete it if it is not needed")
		if i == shown {
			p.Text += fmt.Sprintf(" (so it is with %d more)", len(files)-shown-1)
			p.Hint = "if the folder holds nothing but a site built before, delete the folder and build again"
			return errors.Join(append(problems, p)...)
		}
		problems = append(problems, p)
	}
	return errors.Join(problems...)
}
