#!/bin/sh
# Makes sample/speech.flac from sample/speech.txt: needs flite and sox.
# Each line of the text is spoken by the voice that it names, with a pause after it.
set -eu
cd "$(dirname "$0")/sample"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=10
while IFS=: read -r voice text; do
    flite -voice "$voice" -t "$text" -o "$work/speech.wav"
    sox "$work/speech.wav" -r 16000 -c 1 "$work/$number.wav" pad 0.5 1.0
    number=$((number + 1))
done < speech.txt
sox "$work"/[0-9]*.wav speech.flac norm -3
