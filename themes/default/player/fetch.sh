#!/bin/sh
# Fills dist/ with the player's files from the npm packages pinned in package-lock.json; `make player` runs it.
# npm checks every package against the digests of the lock file, and none of their scripts is run.
# The files are copied as they are: Flowplayer's licence lets unmodified copies keep its name and logo.
set -eu
cd "$(dirname "$0")"

npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

flowplayer=node_modules/flowplayer
hls=node_modules/hls.js
new=node_modules/dist
rm -rf "$new"
mkdir -p "$new/icons"

cp "$flowplayer/dist/flowplayer.min.js" "$flowplayer/dist/skin/skin.css" "$new/"
# The skin also names an .eot for Internet Explorer; no browser that can play these clips asks for it.
cp "$flowplayer/dist/skin/icons/flowplayer.woff2" "$flowplayer/dist/skin/icons/flowplayer.woff" "$new/icons/"
cp "$flowplayer/LICENSE.md" "$new/flowplayer-LICENSE.md"

# The light build plays everything but alternate audio; clips that have it load the full one.
cp "$hls/dist/hls.light.min.js" "$hls/dist/hls.min.js" "$new/"
cp "$hls/LICENSE" "$new/hls.js-LICENSE"

cp NOTICE "$new/"
cp dist/README.md "$new/"
find "$new" -type f -exec chmod 644 {} +

rm -rf dist
mv "$new" dist
echo "player files are in $(pwd)/dist"
