package conformance_test

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"testing"
)

// testRequestBody: bodies of every size arrive byte for byte, and what the application
// does not read does not get in the way of the next request.
func testRequestBody(t *testing.T) {
	var exchanges []exchange
	for _, size := range []int{0, 1, 11, 1024, 8192, 65536, 65537, 300_000, 3_000_000} {
		text := randomText(size)
		want := []check{status(200), body(fmt.Sprintf("%d %x", size, sha256.Sum256([]byte(text))))}
		exchanges = append(exchanges,
			exchange{fmt.Sprint(size, " bytes"), request("POST", "/", text, "Connection: close"), want},
			exchange{fmt.Sprint(size, " bytes chunked"), chunked("/", text, 5000), want},
			exchange{fmt.Sprint(size, " bytes not read"), request("POST", "/?skip", text), []check{status(200), body(fmt.Sprintf("0 %x", sha256.Sum256(nil)))}},
		)
	}
	long := randomText(200_000)
	exchanges = append(exchanges, exchange{"some read", request("POST", "/?some", long), []check{
		status(200), body(fmt.Sprintf("1000 %x", sha256.Sum256([]byte(long[:1000])))),
	}})
	playTwice(t, config{app: "requestbody.py"}, exchanges)
	t.Run("too large", func(t *testing.T) {
		play(t, serve(t, config{app: "requestbody.py", top: "limit-request-body = 1000"}), []exchange{
			{"at the limit", request("POST", "/", long[:1000]), []check{status(200)}},
			{"beyond", request("POST", "/", long[:1001]), []check{errorPage(413)}},
			{"beyond, chunked", chunked("/", long[:1001], 100), []check{errorPage(413)}},
		})
	})
}

// randomText has every byte value in it, and is the same in each run.
func randomText(size int) string {
	random := rand.New(rand.NewPCG(3333, uint64(size)))
	text := make([]byte, size)
	for i := range text {
		text[i] = byte(random.Uint32())
	}
	return string(text)
}
