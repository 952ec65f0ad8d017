#!/usr/bin/env bash
# Makes every film of the demo site from nothing: ffmpeg's own sources and filters, fixed seeds, no input but this file.
#
#   docs/films/make.sh              makes all films, posters included, into content/
#   docs/films/make.sh garden       makes one
#   OUT=/tmp/try docs/films/make.sh garden
#
# Needs ffmpeg with libx264 and, for the narration of "chord" alone, espeak-ng. docs/films.md tells how each is made.
# The pictures and the sound are the same every time. The files are not quite: see threads below.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d)
out=$tmp/out # films are moved into place when they are complete
trap 'rm -rf "$tmp"' EXIT

# With a capped bit rate and several threads, x264 decides by what the other threads happen to have finished, so the bytes
# differ a little from run to run. THREADS=1 takes longer and gives the same bytes every time.
threads=${THREADS:-4}
bitexact=(-fflags +bitexact -flags:v +bitexact -flags:a +bitexact -map_metadata -1)
colour=(-color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range tv)
to_yuv="scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int,format=yuv420p"

ff() { ffmpeg -hide_banner -nostdin -v error -y -filter_threads 2 -filter_complex_threads 2 "$@"; }

# h264 FPS CRF MAXRATE_KBIT: the arguments of one video encode. Closed GOPs of 2 s with no further keyframes let the
# packager cut anywhere it likes, and let the encodes of one film switch at the same instants.
h264() {
  echo "-c:v libx264 -preset ${PRESET:-medium} -profile:v high -level 4.0 -crf $2 -maxrate $3k -bufsize $(($3 * 2))k" \
    "-g $(($1 * 2)) -keyint_min $(($1 * 2)) -sc_threshold 0 -x264-params open-gop=0 -threads $threads"
}
aac=(-c:a aac -b:a 96k -ar 48000 -ac 2)

# ramp STOP…: a lutrgb filter that maps grey to colours through stops "LEVEL:RRGGBB", levels 0 to 255 ascending.
ramp() {
  awk -v stops="$*" 'BEGIN {
    n = split(stops, s, " ")
    for (i = 1; i <= n; i++) {
      split(s[i], p, ":"); at[i] = p[1]
      for (c = 0; c < 3; c++) v[i, c] = hex(substr(p[2], 1 + 2 * c, 2))
    }
    printf "lutrgb="
    for (c = 0; c < 3; c++) {
      e = v[n, c]
      for (i = n - 1; i >= 1; i--)
        e = sprintf("if(lte(val,%g),%g+(%g)*(val-%g),%s)", at[i+1], v[i,c], (v[i+1,c]-v[i,c])/(at[i+1]-at[i]), at[i], e)
      printf("%s%s=\x27%s\x27", (c ? ":" : ""), substr("rgb", c + 1, 1), e)
    }
  }
  function hex(h) { return (index("0123456789abcdef", substr(h, 1, 1)) - 1) * 16 + index("0123456789abcdef", substr(h, 2, 1)) - 1 }'
}

# still SECONDS: the end of a filter graph that also hands one frame out as [p], before x264 has seen it. JPEG has the
# colours of BT.601 and full range.
still() {
  echo "split[v][now];[now]select='gte(t,$1)',scale=in_color_matrix=bt709:out_color_matrix=bt601:in_range=tv:out_range=pc,format=yuvj420p[p]"
}

# jpeg QUALITY: the arguments of that frame's output.
jpeg() { echo "-map [p] -fflags +bitexact -flags:v +bitexact -frames:v 1 -update 1 -q:v $1"; }

# glow SIGMA WIDTH HEIGHT: light bleeds into the dark. Blurred small, because a blur does not need the pixels.
glow() {
  echo "split[sharp][soft];[soft]scale=iw/4:ih/4:flags=area,gblur=sigma=$1,scale=$2:$3:flags=bicubic[soft2];[sharp][soft2]blend=all_mode=screen"
}

# Sixteen pendulums, each a little faster than its neighbour. In twenty seconds the slowest swings ten times and the
# fastest twenty-five times, so they start together, drift into waves, and meet again at the end.
pendulums() {
  local n=16 fc k
  fc="color=c=0x070b18:s=1280x720:r=120:d=20,format=gbrp[p0]"
  local notes=(130.81 146.83 164.81 196.00 220.00 261.63 293.66 329.63 392.00 440.00 523.25 587.33 659.26 783.99 880.00 1046.50)
  local left=0 right=0
  for ((k = 0; k < n; k++)); do
    local f="($((10 + k))/20)"
    # hue runs from aqua to rose, saturation 0.62 at full value
    local rgb
    rgb=$(awk -v h="$(awk "BEGIN{print (0.50+0.42*$k/($n-1))*6}")" 'BEGIN{
      s=0.62; split("5 3 1",o," ")
      for(i=1;i<=3;i++){k=(o[i]+h)%6; m=k<4-k?k:4-k; if(m>1)m=1; if(m<0)m=0; v=255*(1-s*m); printf("%s%s=%d", (i>1?":":""), substr("rgb",i,1), v)}}')
    fc+=";color=c=black:s=64x64:r=120,trim=end_frame=1,format=rgba,geq=$rgb:a='255*clip((26-hypot(X-31.5,Y-31.5))/2,0,1)'[d$k]"
    fc+=";[p$k][d$k]overlay=x=$((40 + k * 1136 / (n - 1))):y='(H-h)/2+(H/2-70)*cos(2*PI*$f*t)':format=gbrp[p$((k + 1))]"
    # every pendulum sings once a swing, at its lowest point: low and slow on the left, high and quick on the right
    local voice="sin(2*PI*${notes[k]}*t)*exp(-5*mod(t*$f,1)/$f)*(1-exp(-400*mod(t*$f,1)/$f))"
    left+="+$(awk "BEGIN{print 1.1-0.9*$k/$n}")*$voice"
    right+="+$(awk "BEGIN{print 0.2+0.9*$k/$n}")*$voice"
  done
  fc+=";[p$n]lagfun=decay=0.962,fps=60,$(glow 8 1280 720),vignette=PI/5,$to_yuv,$(still 7.45)"
  fc+=";aevalsrc='0.05*($left)|0.05*($right)':s=48000:d=20,aecho=0.8:0.6:90|170|310:0.35|0.25|0.18,afade=in:d=0.02,afade=out:st=19.2:d=0.8[a]"
  ff -filter_complex "$fc" -map '[v]' -map '[a]' $(h264 60 28 520) "${colour[@]}" "${aac[@]}" "${bitexact[@]}" -t 20 -movflags +faststart "$out/pendulums.mp4" \
    $(jpeg 5) "$out/pendulums.jpg"
}

# A zoom into a spiral of the Mandelbrot set (a Misiurewicz point, around which the set repeats itself for ever).
# The source draws sin(n), sin(n/1.234) and sin(n/100) of the escape count n into red, green and blue: the slow blue
# becomes the colour, the quick red a breath of relief.
spiral() {
  local src="mandelbrot=s=1920x1080:r=24:start_x=-0.77568377:start_y=0.13646737:start_scale=0.03:end_scale=0.00002:end_pts=528:maxiter=900:inner=black:outer=normalized_iteration_count"
  local fc="$src,trim=end_frame=528,scale=1280:720:flags=area,format=gbrp,extractplanes=r+b[fine][slow]"
  fc+=";[slow]gblur=0.8,format=gbrp,$(ramp 0:050816 40:0b1f4b 90:125e8a 130:2fb5a8 170:f2d492 210:f08a4b 255:7a1f3d)[hue]"
  fc+=";[fine]gblur=1.2,format=gbrp,lutrgb=r='205+val*0.2':g='205+val*0.2':b='205+val*0.2'[relief]"
  fc+=";[hue][relief]blend=all_mode=multiply,$(glow 6 1280 720),vignette=PI/5,fade=in:d=0.6,fade=out:st=21.2:d=0.8,$to_yuv,$(still 15)"
  local p="mod(t,8)"
  fc+=";aevalsrc='0.06*(sin(2*PI*55*t)+0.6*sin(2*PI*110.2*t)+0.5*sin(2*PI*165*t)*(0.5+0.5*sin(2*PI*t/8))+0.35*sin(2*PI*329.6*t)*exp(-1.2*$p)+0.3*sin(2*PI*440*t)*exp(-1.2*mod(t+2,8))+0.3*sin(2*PI*493.9*t)*exp(-1.2*mod(t+4,8)))|0.06*(sin(2*PI*55.1*t)+0.6*sin(2*PI*110*t)+0.5*sin(2*PI*164.8*t)*(0.5+0.5*cos(2*PI*t/8))+0.35*sin(2*PI*659.3*t)*exp(-1.2*mod(t+6,8))+0.3*sin(2*PI*440*t)*exp(-1.2*mod(t+2,8))+0.3*sin(2*PI*277.2*t)*exp(-1.2*mod(t+5,8)))':s=48000:d=22,aecho=0.8:0.6:130|270|430:0.4|0.3|0.2,afade=in:d=1.5,afade=out:st=20:d=2[a]"
  ff -filter_complex "$fc" -map '[v]' -map '[a]' $(h264 24 29 490) "${colour[@]}" "${aac[@]}" "${bitexact[@]}" -t 22 -movflags +faststart "$out/spiral.mp4" \
    $(jpeg 8) "$out/spiral.jpg"
}

# Rings on dark water from three places. Drawn at less than a fifth of the size, because waves are smooth, and encoded three times
# with the same keyframes: the ladder.
ripples() {
  # wave X Y START WAVELENGTH: height at X,Y of rings that began at START seconds
  wave() { echo "st(0,hypot(X-$1,Y-$2))*0+clip((T-$3)*0.45-ld(0)/40,0,1)*cos((ld(0)-(T-$3)*14)*2*PI/$4)*9/(9+1.4*sqrt(ld(0)))"; }
  local h
  h="$(wave 69 87 -7 23)+$(wave 178 45 -2 20)+$(wave 147 118 5 26)"
  local fc="nullsrc=s=240x135:r=30:d=20,format=gray16,geq=lum='clip(32768+23000*($h),0,65535)',scale=1280:720:flags=bicubic,format=gbrp"
  fc+=",$(ramp 0:02040c 60:04122a 105:072a4a 126:0a4260 148:12788c 176:4cc3bd 205:d9efc4 232:fff3cf 255:fffdf6),$(glow 6 1280 720),vignette=PI/5,fade=in:d=0.8,fade=out:st=19.2:d=0.8,$to_yuv,$(still 6.8);[v]split=3[a1][b][c];[b]scale=854:480:flags=lanczos,setsar=1[b1];[c]scale=426:240:flags=lanczos,setsar=1[c1]"
  local drop="0"
  local at
  for at in "0.3 293.7 110" "0.9 440 146.8" "5.5 349.2 174.6" "10 523.3 130.8" "14 440 110"; do
    read -r t0 hi lo <<<"$at"
    drop+="+gte(t,$t0)*(sin(2*PI*$hi*t)*exp(-1.5*(t-$t0))+0.8*sin(2*PI*$lo*t)*exp(-0.5*(t-$t0)))*(1-exp(-60*max(t-$t0,0)))"
  done
  fc+=";aevalsrc='0.08*($drop)':s=48000:d=20,aecho=0.8:0.7:110|230|390:0.45|0.35|0.25,aformat=channel_layouts=stereo,afade=out:st=18:d=2,asplit=3[s1][s2][s3]"
  ff -filter_complex "$fc" \
    -map '[a1]' -map '[s1]' $(h264 30 24 430) "${colour[@]}" "${aac[@]}" -b:a 64k "${bitexact[@]}" -t 20 -movflags +faststart "$out/ripples-720.mp4" \
    -map '[b1]' -map '[s2]' $(h264 30 24 220) "${colour[@]}" "${aac[@]}" -b:a 64k "${bitexact[@]}" -t 20 -movflags +faststart "$out/ripples-480.mp4" \
    -map '[c1]' -map '[s3]' $(h264 30 24 110) "${colour[@]}" "${aac[@]}" -b:a 64k "${bitexact[@]}" -t 20 -movflags +faststart "$out/ripples-240.mp4" \
    $(jpeg 5) "$out/ripples-720.jpg"
}

# Conway's Game of Life from a soup that is the same in its four quarters, so all that grows stays a mandala.
garden() {
  awk 'BEGIN{
    w=46; h=28; s=142542; m=2147483647
    for(y=0;y<h;y++) for(x=0;x<w;x++){ s=(s*16807)%m; c[y,x]=(s/m<0.38) }
    for(y=0;y<2*h;y++){ l=""; yy=y<h?y:2*h-1-y; for(x=0;x<2*w;x++){ xx=x<w?x:2*w-1-x; l=l (c[yy,xx]?"@":".") } print l }
  }' >"$tmp/soup.txt"
  # Twelve generations a second. A dead cell glows on: lagfun keeps its light, the ramp turns it from cream to ember.
  local fc="life=filename=$tmp/soup.txt:s=160x90:r=12:stitch=1,trim=end_frame=264,format=gray,fps=24,lagfun=decay=0.90"
  fc+=",scale=1280:720:flags=neighbor,gblur=1.8,format=gbrp,$(ramp 0:05070f 30:1a1030 80:5b1a4a 140:c73e3a 200:ff9a4d 255:fff6da)"
  fc+=",$(glow 5 1280 720),vignette=PI/5,fade=in:d=0.4,fade=out:st=21.2:d=0.8,$to_yuv,$(still 6)"
  ff -filter_complex "$fc" -map '[v]' $(h264 24 29 400) "${colour[@]}" "${bitexact[@]}" -t 22 -movflags +faststart "$out/garden.mp4" \
    $(jpeg 9) "$out/garden.jpg"
}

# An elementary cellular automaton, rule 150, grown downwards from one cell: tall, for telephones.
snowfall() {
  local fc="cellauto=s=120x214:rule=150:r=15:scroll=1:pattern=@:full=0,trim=end_frame=300,fps=30,format=gray,scale=720:1284:flags=neighbor,crop=720:1280:0:0,format=gbrp[cells]"
  fc+=";gradients=s=720x1280:r=30:d=20:n=3:c0=0x8ff5e0:c1=0x5aa2ff:c2=0xc58bff:x0=360:y0=0:x1=360:y1=1280:speed=0.00001:seed=4,format=gbrp[hue]"
  fc+=";[cells][hue]blend=all_mode=multiply,gblur=1.2,lagfun=decay=0.7,$(glow 6 720 1280)[lit]"
  fc+=";color=c=0x0a0f24:s=720x1280:r=30:d=20,format=gbrp[night];[lit][night]blend=all_mode=lighten,vignette=PI/5,fade=in:d=0.4,fade=out:st=19.4:d=0.6,$to_yuv,$(still 13.6)"
  local bell="0" i
  local scale=(587.33 659.26 783.99 880.00 987.77 1174.66 1318.51)
  for ((i = 0; i < 26; i++)); do
    local f=${scale[$(((i * 5 + i * i) % 7))]} at
    at=$(awk "BEGIN{print 0.4+$i*0.72}")
    bell+="+gte(t,$at)*exp(-2.6*(t-$at))*(sin(2*PI*$f*t)+0.3*sin(2*PI*$f*2.76*t)*exp(-5*(t-$at)))"
  done
  fc+=";aevalsrc='0.05*($bell)+0.02*(sin(2*PI*146.83*t)+sin(2*PI*220*t))|0.05*($bell)+0.02*(sin(2*PI*147.1*t)+sin(2*PI*219.7*t))':s=48000:d=20,aecho=0.8:0.7:140|290|470:0.45|0.35|0.25,afade=in:d=0.3,afade=out:st=18:d=2[a]"
  ff -filter_complex "$fc" -map '[v]' -map '[a]' $(h264 30 29 440) "${colour[@]}" "${aac[@]}" "${bitexact[@]}" -t 20 -movflags +faststart "$out/snowfall.mp4" \
    $(jpeg 12) "$out/snowfall.jpg"
}

# Musical intervals draw themselves: the left channel moves the pen sideways, the right one up and down. One of the two
# is a hair out of tune, which turns the figure. Unison, octave, fifth, fourth, major third: four seconds each.
intervals() {
  # Each interval swells and dies away, so that the figures grow out of the middle.
  local left right env="pow(sin(PI*mod(t,4)/4),0.5)"
  left="$env*sin(2*PI*t*(if(lt(t,4),220,if(lt(t,8),165,if(lt(t,12),220,if(lt(t,16),247.5,220))))))"
  right="$env*sin(0.6+2*PI*t*(if(lt(t,4),220.12,if(lt(t,8),330.12,if(lt(t,12),330.12,if(lt(t,16),330.12,275.12))))))"
  local fc="aevalsrc='0.86*$left|0.86*$right':s=48000:d=20,asplit[pen][ear]"
  fc+=";[pen]avectorscope=s=1440x1440:r=30:mode=lissajous_xy:draw=line:rc=255:gc=255:bc=255:ac=255:rf=22:gf=22:bf=22:af=22,scale=720:720:flags=area,format=gray,gblur=0.9,eq=gamma=1.15,format=gbrp"
  fc+=",$(ramp 0:060812 30:16204a 90:2a5bd0 150:41c7d9 200:c9f5d0 255:fffbe6),$(glow 7 720 720),$to_yuv,$(still 9.6)"
  fc+=";[ear]volume=0.16,aecho=0.8:0.5:120|240:0.3|0.2,afade=out:st=19:d=1[a]"
  ff -filter_complex "$fc" -map '[v]' -map '[a]' $(h264 30 29 420) "${colour[@]}" "${aac[@]}" "${bitexact[@]}" -t 20 -movflags +faststart "$out/intervals/intervals.mp4" \
    $(jpeg 4) "$out/intervals/intervals.jpg"
}

# A slow chord progression seen by the constant-Q transform: low notes on the left, high ones on the right, the past
# sinking below. The words are spoken over it in English and in German, each on a track of its own.
chord() {
  local bar="mod(t,6)"
  # four chords of six seconds: d minor 9, B flat major 7, F major, C suspended
  note() { echo "$2*sin(2*PI*t*(if(lt(t,6),$3,if(lt(t,12),$4,if(lt(t,18),$5,$6)))))*(1-exp(-3*max($bar-$1,0)))*exp(-0.28*max($bar-$1,0))"; }
  # what leans left is drawn in gold, what leans right in blue
  local left right
  left="$(note 0 0.4 73.42 58.27 87.31 65.41)+$(note 0.4 0.7 146.83 116.54 130.81 130.81)+$(note 0.9 0.2 220 174.61 220 196)+$(note 1.5 0.5 349.23 293.66 349.23 349.23)+$(note 2.2 0.12 440 440 523.25 392)+$(note 3 0.3 659.26 587.33 659.26 587.33)+$(note 3.8 0.05 1046.5 880 1046.5 1174.66)"
  right="$(note 0 0.2 73.42 58.27 87.31 65.41)+$(note 0.4 0.3 146.83 116.54 130.81 130.81)+$(note 0.9 0.6 220 174.61 220 196)+$(note 1.5 0.15 349.23 293.66 349.23 349.23)+$(note 2.2 0.45 440 440 523.25 392)+$(note 3 0.08 659.26 587.33 659.26 587.33)+$(note 3.8 0.3 1046.5 880 1046.5 1174.66)"
  local fc="aevalsrc='0.16*($left)|0.16*($right)':s=48000:d=24,aecho=0.8:0.6:140|310|520:0.4|0.3|0.2,afade=out:st=22.5:d=1.5,asplit=3[see][bed1][bed2]"
  fc+=";[see]showcqt=s=1280x720:r=30:axis=0:bar_h=300:axis_h=0:sono_h=420:sono_g=3.4:bar_g=2.4:bar_t=0.7:cscheme=1|0.36|0|0|0.34|1:basefreq=48:endfreq=1600,format=gbrp,hue=s=1.5,format=gbrp,$(glow 6 1280 720),fade=in:d=0.5,fade=out:st=23:d=1,$to_yuv,$(still 10.5)"
  fc+=";[0]aresample=48000,adelay=1200,apad=whole_dur=24,lowpass=f=7000,volume=0.5[en];[1]aresample=48000,adelay=1200,apad=whole_dur=24,lowpass=f=7000,volume=0.5[de]"
  fc+=";[bed1][en]amix=inputs=2:duration=first:normalize=0,aformat=channel_layouts=stereo,volume=0.55[a1];[bed2][de]amix=inputs=2:duration=first:normalize=0,aformat=channel_layouts=stereo,volume=0.55[a2]"
  say en-gb "You are looking at sound. Low notes are on the left, high notes on the right. What you hear now is at the top. What you heard a moment ago, sinks below it. Four chords, and then, silence."
  mv "$tmp/say.wav" "$tmp/en.wav"
  say de "Du siehst einen Klang. Tiefe Töne sind links, hohe Töne rechts. Was du jetzt hörst, steht oben. Was du eben gehört hast, sinkt nach unten. Vier Akkorde, und dann, Stille."
  mv "$tmp/say.wav" "$tmp/de.wav"
  ff -i "$tmp/en.wav" -i "$tmp/de.wav" -filter_complex "$fc" -map '[v]' -map '[a1]' -map '[a2]' $(h264 30 27 480) "${colour[@]}" "${aac[@]}" "${bitexact[@]}" \
    -metadata:s:a:0 language=eng -metadata:s:a:1 language=deu -disposition:a:0 default -disposition:a:1 0 -t 24 -movflags +faststart "$out/chord.mp4" \
    $(jpeg 4) "$out/chord.jpg"
}

# say VOICE TEXT: speech in $tmp/say.wav
say() { espeak-ng -v "$1" -s 132 -p 38 -g 6 -w "$tmp/say.wav" "$2"; }

# Curtains of northern light over a ridge, 2.39:1. Light and height are formulas; the stars are a hash of the pixel.
aurora() {
  # curtain BASE PHASE SPEED HEIGHT: brightness above a wandering lower edge, cut into rays
  curtain() { echo "st(1,$1+9*sin(X*0.021+T*$3+$2)+5*sin(X*0.047-T*$3*1.4+$2*2))*0+st(2,0.25+0.75*pow(0.5+0.5*sin(X*0.16+4*sin(X*0.027+T*0.35+$2)+T*0.5),2))*0+(0.55+0.45*sin(X*0.012+T*0.23+$2))*ld(2)*if(lt(Y,ld(1)),exp(-(ld(1)-Y)/$4),exp(-(Y-ld(1))/3.2))"; }
  local fc="nullsrc=s=320x134:r=30:d=20,format=gbrp,geq=r='100*($(curtain 78 0.4 0.31 40))*clip((78-Y)/60,0,1)+215*($(curtain 60 2.1 0.23 46))*clip((62-Y)/46,0,1)':g='265*($(curtain 78 0.4 0.31 22))+165*($(curtain 60 2.1 0.23 17))':b='140*($(curtain 78 0.4 0.31 34))+205*($(curtain 60 2.1 0.23 38))',gblur=0.7,scale=1280:536:flags=bicubic[light]"
  fc+=";color=c=black:s=1280x536:r=30:d=20,trim=end_frame=1,format=gbrp,geq=r='6+Y*0.012+if(gt(st(0,mod(abs(sin(X*12.9898+Y*78.233)*43758.5453),1)),0.9987),150*mod(ld(0)*9871,1),0)':g='8+Y*0.03+if(gt(st(0,mod(abs(sin(X*12.9898+Y*78.233)*43758.5453),1)),0.9987),160*mod(ld(0)*9871,1),0)':b='22+Y*0.05+if(gt(st(0,mod(abs(sin(X*12.9898+Y*78.233)*43758.5453),1)),0.9987),190*mod(ld(0)*9871,1),0)',gblur=0.6,loop=-1:1,fps=30[sky]"
  fc+=";color=c=0x04060c:s=1280x536:r=30:d=20,trim=end_frame=1,format=rgba,geq=r=4:g=6:b=12:a='255*clip(Y-(448+26*sin(X*0.006+1)+13*sin(X*0.017)+6*sin(X*0.041+2)+2.5*sin(X*0.13)+1.2*sin(X*0.37)),0,1)'[ridge]"
  fc+=";[sky][light]blend=all_mode=screen:shortest=1,$(glow 6 1280 536)[lit];[lit][ridge]overlay=format=gbrp,vignette=PI/5,fade=in:d=1,fade=out:st=19:d=1,$to_yuv,$(still 8)"
  fc+=";aevalsrc='0.05*(sin(2*PI*98*t)*(0.6+0.4*sin(2*PI*t/9))+0.7*sin(2*PI*146.83*t)*(0.5+0.5*sin(2*PI*t/7+1))+0.5*sin(2*PI*220*t)*(0.5+0.5*sin(2*PI*t/5+2))+0.3*sin(2*PI*369.99*t)*(0.5+0.5*sin(2*PI*t/6+4))+0.2*sin(2*PI*659.26*t)*pow(0.5+0.5*sin(2*PI*t/4+3),3))|0.05*(sin(2*PI*98.2*t)*(0.6+0.4*cos(2*PI*t/9))+0.7*sin(2*PI*147.1*t)*(0.5+0.5*cos(2*PI*t/7+1))+0.5*sin(2*PI*220.4*t)*(0.5+0.5*cos(2*PI*t/5+2))+0.3*sin(2*PI*493.88*t)*(0.5+0.5*sin(2*PI*t/6+1))+0.2*sin(2*PI*739.99*t)*pow(0.5+0.5*sin(2*PI*t/4+5),3))':s=48000:d=20,aecho=0.8:0.6:150|330:0.4|0.3,afade=in:d=2,afade=out:st=17.5:d=2.5[a]"
  ff -filter_complex "$fc" -map '[v]' -map '[a]' $(h264 30 26 560) "${colour[@]}" "${aac[@]}" "${bitexact[@]}" -t 20 -movflags +faststart "$out/aurora.mp4" \
    $(jpeg 4) "$out/aurora.jpg"
}

# A small loop without a poster: five colours flowing into each other, folded by a slow wave.
silk() {
  local fc="nullsrc=s=320x180:r=30:d=12,format=gray16,geq=lum='32768+32000*sin(X*0.011+1.3*sin(Y*0.019+2*PI*T/12)+1.1*sin((X+Y)*0.013-2*PI*T/12)+0.9*sin(hypot(X-160,Y-260)*0.024+2*PI*T/6))',scale=1280:720:flags=bicubic,format=gbrp"
  fc+=",$(ramp 0:1b0b3a 60:5a189a 110:d9376e 160:ff8552 205:ffd07b 255:fff4e0),vignette=PI/6,noise=alls=3:all_seed=9,$to_yuv[v]"
  fc+=";aevalsrc='0.06*(sin(2*PI*130.8125*t)*(0.7+0.3*sin(2*PI*t/12))+0.6*sin(2*PI*196*t)*(0.6+0.4*sin(2*PI*t/6))+0.4*sin(2*PI*329.5*t)*(0.5+0.5*cos(2*PI*t/12))+0.25*sin(2*PI*493.75*t)*(0.5+0.5*sin(2*PI*t/4)))|0.06*(sin(2*PI*130.75*t)+0.6*sin(2*PI*196.25*t)*(0.6+0.4*cos(2*PI*t/6))+0.4*sin(2*PI*329.75*t)*(0.5+0.5*sin(2*PI*t/12))+0.25*sin(2*PI*587.25*t)*(0.5+0.5*cos(2*PI*t/4)))':s=48000:d=12[a]"
  ff -filter_complex "$fc" -map '[v]' -map '[a]' $(h264 30 30 400) "${colour[@]}" "${aac[@]}" "${bitexact[@]}" -t 12 -movflags +faststart "$out/silk.mp4"
}

films=(pendulums spiral ripples garden snowfall intervals chord aurora silk)
for film in "${@:-${films[@]}}"; do
  mkdir -p "$out/intervals"
  "$film"
  mkdir -p "${OUT:-$root/content}"
  cp -R "$out/." "${OUT:-$root/content}"
  rm -r "$out"
  echo "$film"
done
