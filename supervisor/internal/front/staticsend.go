package front

import (
	"strconv"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
)

// asked is what a request wants to have of a file.
type asked struct {
	get, head bool // the method
	fields    []http1.Field
}

// askedBy is what a request wants, as long as its head is there.
func askedBy(req *http1.Request) asked {
	return asked{get: string(req.Method) == "GET", head: string(req.Method) == "HEAD", fields: req.Fields}
}

// delivery answers a request with a file.
type delivery struct {
	to     sink
	serial uint64
	ask    asked
	static *static
	copied bool  // not with sendfile(2)
	own    *said // nil without an application
	refuse func(status int, text, fields string)
}

// send answers with a file, with the part of it that is asked for, or that the client has
// it already. It owns the file.
func (d *delivery) send(f *openFile) {
	part, line := span{0, f.size}, "200 OK"
	if d.own != nil {
		line = d.own.line
	}
	if line[:3] == "200" && (d.ask.get || d.ask.head) {
		switch d.ask.precondition(f) {
		case 412:
			f.close()
			d.refuse(412, "The file is not the one that the request is for.", "")
			return
		case 304:
			f.close()
			head := newHead("304 Not Modified")
			d.describe(&head, f)
			d.complete(head, http1.Piece{})
			return
		}
		wanted, outcome := d.ask.part(f)
		switch outcome {
		case unsatisfiable:
			f.close()
			d.refuse(416, "The file is not that long.", "Content-Range: bytes */"+strconv.FormatInt(f.size, 10)+"\r\n")
			return
		case satisfiable:
			part, line = wanted, "206 Partial Content"
		}
	}
	d.sendPart(f, part, d.head(f, part, line))
}

// head is that of an answer with a body.
func (d *delivery) head(f *openFile, part span, line string) http1.Head {
	head := newHead(line)
	if d.own == nil || !d.own.kind {
		addField(&head, "Content-Type", f.kind)
	}
	if f.coding != "" {
		addField(&head, "Content-Encoding", f.coding)
	}
	d.describe(&head, f)
	if line[:3] == "206" {
		addField(&head, "Content-Range", part.of(f.size))
	} else {
		addField(&head, "Accept-Ranges", "bytes")
	}
	addField(&head, "Content-Length", strconv.FormatInt(part.length(), 10))
	return head
}

// describe adds what a 304 has, too (RFC 9110, 15.4.5), and what the application says.
func (d *delivery) describe(head *http1.Head, f *openFile) {
	if d.own != nil {
		head.Block = append(head.Block, d.own.fields.Block...)
		head.Count += d.own.fields.Count
	}
	addField(head, "ETag", f.etag)
	if f.dated {
		addField(head, "Last-Modified", f.modified.UTC().Format(httpDate))
	}
	if d.static.cache != "" && (d.own == nil || !d.own.cache) {
		addField(head, "Cache-Control", d.static.cache)
	}
	if d.static.siblings {
		addField(head, "Vary", "Accept-Encoding")
	}
}

// httpDate is the form of dates (RFC 9110, 5.6.7).
const httpDate = "Mon, 02 Jan 2006 15:04:05 GMT"

func newHead(line string) http1.Head {
	const longest = 1 << 20 // of a field line; the application's have been measured
	return http1.Head{Block: append(make([]byte, 0, 512), line...), MaxLine: longest}
}

// complete ends the exchange.
func (d *delivery) complete(head http1.Head, body http1.Piece) {
	if d.to.Complete(d.serial, head, body) != nil {
		d.to.Abort(d.serial) // nothing for a client that has gone
	}
}

// atOnce is the largest part of a file that is sent together with the head, in bytes.
const atOnce = 64 << 10

// headSpace is what stands before a body, so that the head can be put there, in bytes.
const headSpace = 2 << 10

// sendPart sends head and body: by one write if the kernel has them in memory, else with
// sendfile(2).
func (d *delivery) sendPart(f *openFile, part span, head http1.Head) {
	if d.ask.head || part.length() == 0 {
		f.close()
		d.complete(head, http1.Piece{})
		return
	}
	if n := int(part.length()); part.length() <= atOnce {
		buffer := copyBuffers.Get().(*[copySize]byte)
		defer copyBuffers.Put(buffer)
		if f.readCached(buffer[headSpace:headSpace+n], part.first) {
			f.close()
			d.complete(head, http1.Piece{Buf: buffer[:], Start: headSpace, End: headSpace + n})
			return
		}
	}
	d.to.SetCopyFiles(d.copied)
	if _, err := d.to.Start(d.serial, head, http1.Piece{}); err != nil {
		f.close()
		d.to.Abort(d.serial)
		return
	}
	if d.to.SendFile(d.serial, f.give(), part.first, part.length()) == nil {
		_ = d.to.End(d.serial) // the response has ended if it cannot
	}
}
