package front

import "strings"

// contentType is the media type for the end of a file's name. The table is the program's
// own, so that a site is the same on every system.
func contentType(name string) string {
	dot := strings.LastIndexByte(name, '.')
	if dot <= strings.LastIndexByte(name, '/')+1 {
		return "application/octet-stream"
	}
	const longest = 12 // no ending of the table has more bytes
	ending := name[dot+1:]
	if len(ending) > longest {
		return "application/octet-stream"
	}
	switch strings.ToLower(ending) {
	case "html", "htm":
		return "text/html; charset=utf-8"
	case "css":
		return "text/css; charset=utf-8"
	case "js", "mjs":
		return "text/javascript; charset=utf-8"
	case "txt", "text", "log":
		return "text/plain; charset=utf-8"
	case "md", "markdown":
		return "text/markdown; charset=utf-8"
	case "csv":
		return "text/csv; charset=utf-8"
	case "ics":
		return "text/calendar; charset=utf-8"
	case "vtt":
		return "text/vtt; charset=utf-8"
	case "json", "map":
		return "application/json"
	case "jsonld":
		return "application/ld+json"
	case "geojson":
		return "application/geo+json"
	case "webmanifest":
		return "application/manifest+json"
	case "xml", "xsl":
		return "application/xml"
	case "xhtml":
		return "application/xhtml+xml"
	case "rss":
		return "application/rss+xml"
	case "atom":
		return "application/atom+xml"
	}
	return binaryType(strings.ToLower(ending))
}

// binaryType is contentType for what is no text.
func binaryType(ending string) string {
	switch ending {
	case "svg", "svgz":
		return "image/svg+xml"
	case "png", "gif", "webp", "avif", "bmp", "jxl", "apng":
		return "image/" + ending
	case "jpg", "jpeg":
		return "image/jpeg"
	case "ico":
		return "image/vnd.microsoft.icon"
	case "tif", "tiff":
		return "image/tiff"
	case "woff", "woff2", "ttf", "otf":
		return "font/" + ending
	case "mp4", "webm", "mpeg":
		return "video/" + ending
	case "m4v":
		return "video/mp4"
	case "mov":
		return "video/quicktime"
	case "ogv":
		return "video/ogg"
	case "mp3":
		return "audio/mpeg"
	case "ogg", "oga", "opus":
		return "audio/ogg"
	case "m4a":
		return "audio/mp4"
	case "wav", "flac", "aac":
		return "audio/" + ending
	case "pdf", "zip", "wasm", "rtf":
		return "application/" + ending
	case "gz", "tgz":
		return "application/gzip"
	case "epub":
		return "application/epub+zip"
	}
	return "application/octet-stream"
}
