package site

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// digest is the digest of values that marshal to JSON. JSON keeps the boundaries between values, so no two lists of
// values share one text by accident.
func digest(values ...any) string {
	data, err := json.Marshal(values)
	if err != nil {
		panic("site: a page key holds a value that is not data: " + err.Error())
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// digest is the digest of everything about a post that some page may show.
func (p *Post) digest() string {
	targets := make(map[string][2]string, len(p.targets))
	for written, t := range p.targets {
		targets[written] = [2]string{t.path, t.suffix}
	}
	tags := make([][2]string, len(p.Tags))
	for i, t := range p.Tags {
		tags[i] = [2]string{t.Name, t.Path}
	}
	var series []any
	if p.Series != nil {
		series = []any{p.Series.Name, p.Series.Path, p.Part, len(p.Series.Posts)}
	}
	// The post's own digest is that of its file; the rest is what a page also takes from elsewhere: the file's name, the
	// files around it, the configuration, other posts.
	return digest(p.entry.Post.Digest[:], p.entry.renderer, p.Title, p.Path, p.Date, p.Lastmod, p.Description, p.Author, p.Image,
		tags, series, targets, p.entry.Videos)
}
