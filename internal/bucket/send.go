package bucket

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
)

// Send puts a file into the bucket at Site, besides publishing: it is no part of the site. An upload in parts that was
// interrupted continues, whoever began it. p needs nothing but Site; o needs Key, Size, SHA256 and Headers.
func (p *Publisher) Send(ctx context.Context, o Object, file io.ReaderAt) error {
	sender := &Publisher{Site: p.Site, Rand: p.Rand, Open: func(string) (File, error) { return borrowed{file}, nil }}
	under := &uploads{left: map[Ref][]Upload{}}
	if m, ok := p.Site.Store.(Multipart); ok && o.Size > PartSize {
		err := sender.flow().try(ctx, func() error {
			all, err := m.Uploads(ctx)
			under.left[o.ref()] = slices.DeleteFunc(all, func(u Upload) bool { return u.Key != o.Key })
			return err
		})
		if err != nil {
			return err
		}
	}
	_, err := sender.send(ctx, &Change{Entry: &Entry{Object: o}, written: lastWritten(borrowed{file})}, under)
	return err
}

// List visits the objects of the bucket at Site whose keys begin with prefix, besides publishing.
func (p *Publisher) List(ctx context.Context, prefix string, visit func(Listed) error) error {
	var requests int
	return p.listUnder(ctx, Site, prefix, &requests, visit)
}

// Try makes a request of a store, and makes it again after hiccups.
func (p *Publisher) Try(ctx context.Context, request func() error) error {
	return p.flow().try(ctx, request)
}

// A borrowed file is closed by whoever opened it.
type borrowed struct{ io.ReaderAt }

func (borrowed) Close() error { return nil }

// Stat is that of the file, if it is one of a file system.
func (b borrowed) Stat() (fs.FileInfo, error) {
	if f, ok := b.ReaderAt.(statter); ok {
		return f.Stat()
	}
	return nil, errors.ErrUnsupported
}
