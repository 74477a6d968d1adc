package boot_test

import (
	"os"
	"testing"

	"github.com/wsgid/wsgid/tests/boot"
)

func TestMain(m *testing.M) { os.Exit(boot.Main(m)) }
