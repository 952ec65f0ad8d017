package bucket

import (
	"net/url"
	"slices"
	"strings"
)

// Limits of what is worth naming. A network charges by the path, a wildcard being one, and CloudFront takes 15
// wildcards at a time.
const (
	maxPaths     = 30
	maxWildcards = 15
	everything   = "/*"
)

// invalidation returns the paths under which answers made from stale keys may be cached: each by itself while they are
// few, a folder where half of it or more is stale, everything otherwise. all are the keys of the site that caches may
// hold, so that "half of it" can be told.
func invalidation(stale, all []string) []string {
	stale = slices.Compact(slices.Sorted(slices.Values(stale)))
	paths := folded("", stale, nil)
	if len(paths) <= maxPaths {
		return paths
	}
	paths = folded("", stale, slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(all), stale...)))))
	if len(paths) > maxPaths || wildcards(paths) > maxWildcards {
		return []string{everything}
	}
	return paths
}

// wildcards counts the folders among paths.
func wildcards(paths []string) int {
	n := 0
	for _, p := range paths {
		if strings.HasSuffix(p, "/*") {
			n++
		}
	}
	return n
}

// folded returns the paths of the stale keys below dir ("" or "a/b/"). all are all keys, sorted; nil folds nothing.
func folded(dir string, stale, all []string) []string {
	if all != nil && len(stale) > 1 && 2*len(stale) >= len(below(dir, all)) {
		return []string{escapePath(dir) + "*"}
	}
	var paths []string
	for len(stale) > 0 {
		name, _, isFolder := strings.Cut(strings.TrimPrefix(stale[0], dir), "/")
		if !isFolder {
			paths = append(paths, pathsOf(stale[0])...)
			stale = stale[1:]
			continue
		}
		inside := below(dir+name+"/", stale)
		paths = append(paths, folded(dir+name+"/", inside, all)...)
		stale = stale[len(inside):]
	}
	return paths
}

// below returns the keys that begin with dir, of keys that are sorted.
func below(dir string, keys []string) []string {
	from, _ := slices.BinarySearch(keys, dir)
	to := from
	for to < len(keys) && strings.HasPrefix(keys[to], dir) {
		to++
	}
	return keys[from:to]
}

// pathsOf returns the paths that lead to a key: a folder's page answers for the folder too.
func pathsOf(key string) []string {
	path := escapePath(key)
	if dir, isIndex := strings.CutSuffix(path, "/index.html"); isIndex {
		return []string{dir + "/", path}
	}
	return []string{path}
}

// escapePath is a key as it stands in an address. An asterisk would be a wildcard.
func escapePath(key string) string {
	return strings.ReplaceAll((&url.URL{Path: "/" + key}).EscapedPath(), "*", "%2A")
}
