package video

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/image/bmp"
)

// A Camera takes pictures of films and makes small files of pictures. The films are rungs of streams, made by us and with
// frequent keyframes; dir is an empty folder for what is on its way, which goes afterwards.
type Camera interface {
	// Key tells this Camera from others: pictures are taken anew when it changes. Like an Encoder's Recipe it is asked in
	// every build.
	Key(ctx context.Context) (string, error)
	// Keyframes returns keyframes of a film, no two of them closer than every, in pictures that fit into box. Nothing else
	// of the film is decoded.
	Keyframes(ctx context.Context, dir, film string, every time.Duration, box image.Point) ([]Frame, error)
	// Still returns what is seen at a moment of a film.
	Still(ctx context.Context, film string, at time.Duration) (image.Image, error)
	// Preview writes to file a short silent MP4, no wider than width, of a film from a moment on. The error is
	// errors.ErrUnsupported when it takes pictures only.
	Preview(ctx context.Context, film, file string, at, length time.Duration, width int) error
	// Compress makes of each NAME.bmp in dir a NAME.avif or NAME.webp, by the type asked for. The error is
	// errors.ErrUnsupported when it cannot make this type.
	Compress(ctx context.Context, dir string, names []string, mime string) error
}

// A Frame is a picture of a film and its time.
type Frame struct {
	At      time.Duration
	Picture image.Image
}

// imagesRecipe is part of the keys of images: what is changed here makes them anew.
const imagesRecipe = "images 1"

// A picture is published in these widths, in pixels, as far as it has them.
var imageWidths = []int{320, 640, 960, 1280}

// jpegQuality is where the blocks cannot be seen yet in small pictures.
const jpegQuality = 72

// An album is a folder of images in the cache, as its album.json describes it. It is written once.
type album struct {
	Files  []streamFile `json:"files"`
	Poster Poster       `json:"poster"` // paths are file names
	Of     string       `json:"of"`     // digest of the file it shows

	// Of a film.
	Best       time.Duration `json:"best,omitempty"`       // the moment that makes the best poster
	Storyboard string        `json:"storyboard,omitempty"` // file names, "" when there is none
	Sprite     string        `json:"sprite,omitempty"`
	Preview    string        `json:"preview,omitempty"`

	dir string
}

const albumName = "album.json"

// album returns the album of a key from the cache, or has one made of the file of a digest, once for everyone who asks and
// few at a time.
func (l *Library) album(ctx context.Context, of string, key []string, fill func(a *album) error) (*album, error) {
	sum := sha256.Sum256([]byte(strings.Join(append(key, imagesRecipe), "\n")))
	dir := filepath.Join(l.Cache, "images", hex.EncodeToString(sum[:]))
	made, err, _ := l.albums.Do(dir, func() (any, error) {
		if a, err := loadAlbum(dir); err == nil {
			noteUse(filepath.Join(dir, albumName))
			return a, nil
		}
		select {
		case l.encoding <- struct{}{}:
			defer func() { <-l.encoding }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return l.makeAlbum(dir, of, fill)
	})
	if err != nil {
		return nil, err
	}
	return made.(*album), nil //nolint:forcetypeassert // it is what Do was given
}

func loadAlbum(dir string) (*album, error) {
	data, err := os.ReadFile(filepath.Join(dir, albumName))
	if err != nil {
		return nil, err
	}
	a := &album{dir: dir}
	if err := json.Unmarshal(data, a); err != nil {
		return nil, err
	}
	for _, f := range a.Files {
		if info, err := os.Stat(filepath.Join(dir, f.Name)); err != nil || info.Size() != f.Size {
			return nil, fmt.Errorf("%s: %s is damaged", dir, f.Name)
		}
	}
	return a, nil
}

// makeAlbum fills a folder and gives it its name when it is finished.
func (l *Library) makeAlbum(dir, of string, fill func(*album) error) (*album, error) {
	tmp, err := l.tempDir()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // what is left is removed by a later build
	a := &album{dir: tmp, Of: of}
	if err := fill(a); err != nil {
		return nil, err
	}
	data, err := json.MarshalIndent(a, "", " ")
	if err != nil {
		return nil, err
	}
	if err := writeAtomic(filepath.Join(tmp, albumName), data); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return nil, cacheError("make "+filepath.Dir(dir), err)
	}
	if _, err := loadAlbum(dir); err != nil { // otherwise another build was faster
		if err := os.RemoveAll(dir); err != nil { // a damaged album lies there
			return nil, cacheError("replace "+dir, err)
		}
		if err := os.Rename(tmp, dir); err != nil {
			if _, err := loadAlbum(dir); err == nil {
				return loadAlbum(dir)
			}
			return nil, cacheError("move images to "+dir, err)
		}
	}
	return loadAlbum(dir)
}

// work makes a folder for what is on its way. It is to be removed before the album is finished.
func (a *album) work() (string, error) {
	dir, err := os.MkdirTemp(a.dir, "work-")
	return dir, cacheError("make a folder", err)
}

// add writes a file. Its name is stem, what the content's digest begins with if that is wanted, and ext.
func (a *album) add(stem, ext string, data []byte, digest bool) (name string, err error) {
	sum := sha256.Sum256(data)
	f := streamFile{Name: stem + ext, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
	if digest {
		f.Name = stem + "." + f.SHA256[:8] + ext
	}
	a.Files = append(a.Files, f)
	return f.Name, writeAtomic(filepath.Join(a.dir, f.Name), data)
}

// digest is that of all files of the album.
func (a *album) digest() string {
	h := sha256.New()
	for _, f := range a.Files {
		fmt.Fprintln(h, f.Name, f.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// file is a file of the album as it is published at a path.
func (a *album) file(name, path string) File {
	i := slices.IndexFunc(a.Files, func(f streamFile) bool { return f.Name == name })
	return File{Path: path, Source: filepath.Join(a.dir, name), Size: a.Files[i].Size, SHA256: a.Files[i].SHA256}
}

// develop fills an album with a picture in all sizes and types. Without a Camera there are JPEGs alone, which are the
// same on every machine.
func (a *album) develop(ctx context.Context, camera Camera, picture *image.RGBA) error {
	sizes := imageSizes(picture.Rect.Size())
	prints := make([]*image.RGBA, len(sizes))
	for i := len(sizes) - 1; i >= 0; i-- {
		picture = shrink(picture, sizes[i].X, sizes[i].Y)
		prints[i] = picture
	}
	if camera != nil {
		if err := a.compress(ctx, camera, prints); err != nil {
			return err
		}
	}
	for _, p := range prints {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, p, &jpeg.Options{Quality: jpegQuality}); err != nil {
			return err
		}
		if err := a.print(p, "image/jpeg", ".jpg", b.Bytes()); err != nil {
			return err
		}
	}
	hint, err := placeholder(prints[0])
	a.Poster.Placeholder = hint
	return err
}

// imageSizes are the sizes a picture is published in, smallest first: no larger than it is, and its own where the next
// one below is much smaller.
func imageSizes(own image.Point) []image.Point {
	var sizes []image.Point
	at := func(w int) { sizes = append(sizes, image.Pt(w, max(1, (own.Y*w+own.X/2)/own.X))) }
	largest := 0
	for _, w := range imageWidths {
		if w <= own.X {
			at(w)
			largest = w
		}
	}
	if own.X < imageWidths[len(imageWidths)-1] && own.X*5 > largest*6 {
		at(own.X)
	}
	return sizes
}

// print adds an encoding of a picture to the album.
func (a *album) print(p *image.RGBA, mime, ext string, data []byte) error {
	name, err := a.add(fmt.Sprint(p.Rect.Dx()), ext, data, false)
	a.Poster.Images = append(a.Poster.Images, Image{Path: name, Type: mime, Width: p.Rect.Dx(), Height: p.Rect.Dy()})
	return err
}

// compress adds the types that need a Camera, the smallest first. One that this Camera cannot make is left out.
func (a *album) compress(ctx context.Context, camera Camera, prints []*image.RGBA) error {
	dir, err := a.work()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // goes with the folder it is in at the latest
	var names []string
	for _, p := range prints {
		var b bytes.Buffer
		if err := bmp.Encode(&b, p); err != nil {
			return err
		}
		names = append(names, fmt.Sprint(p.Rect.Dx()))
		if err := os.WriteFile(filepath.Join(dir, names[len(names)-1]+".bmp"), b.Bytes(), 0o600); err != nil {
			return cacheError("write a picture", err)
		}
	}
	for _, t := range []struct{ mime, ext string }{{"image/avif", ".avif"}, {"image/webp", ".webp"}} {
		err := camera.Compress(ctx, dir, names, t.mime)
		if errors.Is(err, errors.ErrUnsupported) {
			continue
		}
		if err != nil {
			return err
		}
		for i, p := range prints {
			data, err := os.ReadFile(filepath.Join(dir, names[i]+t.ext))
			if err != nil {
				return cacheError("read a picture", err)
			}
			if err := a.print(p, t.mime, t.ext, data); err != nil {
				return err
			}
		}
	}
	return nil
}

// placeholderPixels are as many as make a PNG of about 220 bytes.
const placeholderPixels = 66

// placeholder is a picture so small that it fits into the page, as a data: address of at most 400 bytes. Browsers blur it
// when they enlarge it, and no content security policy that allows pictures from data: needs to know.
func placeholder(m *image.RGBA) (string, error) {
	w, h := 1, 1
	for w*h < placeholderPixels { // grow in the picture's shape
		if w*m.Rect.Dy() <= h*m.Rect.Dx() {
			w++
		} else {
			h++
		}
	}
	for w*h > placeholderPixels {
		if w*m.Rect.Dy() >= h*m.Rect.Dx() {
			w--
		} else {
			h--
		}
	}
	tiny := shrink(m, min(w, m.Rect.Dx()), min(h, m.Rect.Dy()))
	for i := range tiny.Pix {
		tiny.Pix[i] |= 0x07 // five bits of each colour are enough, and pack better
	}
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&b, tiny); err != nil {
		return "", err
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// rungFor is the smallest rung of a stream that is at least so wide, or the largest there is; "" without a picture.
func (s *stream) rungFor(width int) string {
	rungs := slices.DeleteFunc(slices.Clone(s.Renditions), func(r Rendition) bool { return r.Width == 0 || r.isAV1() })
	if len(rungs) == 0 {
		return ""
	}
	slices.SortStableFunc(rungs, func(a, b Rendition) int {
		return cmp.Or(cmp.Compare(a.Width, b.Width), cmp.Compare(a.Bandwidth, b.Bandwidth))
	})
	i := slices.IndexFunc(rungs, func(r Rendition) bool { return r.Width >= width })
	if i < 0 {
		i = len(rungs) - 1
	}
	return s.path(rungs[i].Path)
}
