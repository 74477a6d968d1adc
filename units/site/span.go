package site

import (
	"fmt"
	"strconv"
	"time"
)

// Range says which numbers the key takes: "1 to 1024", "at least 1s, or 0 for never".
// It is "" for a key that is no number, and for one that takes every number from 0 on.
func (k *Key) Range() string {
	format := k.number()
	if format == nil || k.Min == 0 && k.Max == 0 {
		return ""
	}
	return k.span(format)
}

// DefaultText is the default as a person writes it, without the quotes of TOML; ""
// when the key has none, and when the default is empty.
func (k *Key) DefaultText() string {
	switch v := k.Default.(type) {
	case nil:
		return ""
	case int64:
		if format := k.number(); format != nil {
			return format(v)
		}
	}
	return fmt.Sprint(k.Default)
}

// number gives how numbers of the key's type are shown, nil when it is no number.
func (k *Key) number() func(int64) string {
	switch k.Type {
	case TypeInt:
		return func(i int64) string { return strconv.FormatInt(i, 10) }
	case TypeDuration:
		return func(i int64) string { return FormatDuration(time.Duration(i)) }
	case TypeSize:
		return FormatSize
	case TypeOctal:
		return formatOctal
	}
	return nil
}

// span says which numbers are allowed, in the words of errors and of the man page.
func (k *Key) span(format func(int64) string) string {
	zero := ""
	if k.Zero != "" {
		zero = ", or 0 for " + k.Zero
	}
	if k.Max == 0 {
		return "at least " + format(k.Min) + zero
	}
	return format(k.Min) + " to " + format(k.Max) + zero
}
