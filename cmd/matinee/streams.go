package main

import (
	"os"
	"time"

	"matinee/internal/markdown"
	"matinee/internal/post"
	"matinee/internal/site"
)

// streamOrigins are the origins of the streams elsewhere that a site plays, as its posts say. Posts with problems are
// passed over: whoever asks is not the one to tell.
func streamOrigins(flags buildFlags) []string {
	root, err := os.OpenRoot(flags.source)
	if err != nil {
		return nil
	}
	defer root.Close() //nolint:errcheck // read only
	options := post.Options{Drafts: flags.drafts, Future: flags.future, Expired: flags.expiry, Now: time.Now()}
	posts, _, _ := post.Load(root.FS(), "content", options)
	entries, _, _ := site.Gather(root.FS(), posts, &markdown.Renderer{})
	return site.Origins(clipsOf(entries))
}
