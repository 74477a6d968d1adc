package boot

import (
	"encoding/json"
	"strings"
	"time"
)

// Journal is the unit's log of this boot, what systemd says about the unit included;
// that of the whole machine when unit is empty.
func (m *Machine) Journal(unit string) string {
	m.t.Helper()
	m.MustRun("journalctl", "--sync")
	return m.MustRun(append([]string{"journalctl", "--no-pager", "--boot", "--output=short-precise"}, ofUnit(unit)...)...)
}

func ofUnit(unit string) []string {
	if unit == "" {
		return nil
	}
	return []string{"--unit=" + unit}
}

// Records are the journal's records that journalctl(1) selects by the arguments, with
// their fields. A field that occurs more than once has its values on lines of their own.
func (m *Machine) Records(args ...string) []map[string]string {
	m.t.Helper()
	m.MustRun("journalctl", "--sync")
	output := m.MustRun(append([]string{"journalctl", "--no-pager", "--boot", "--output=json", "--all"}, args...)...)
	var records []map[string]string
	for line := range strings.Lines(output) {
		record, err := parseRecord([]byte(line))
		if err != nil {
			m.t.Fatalf("%v: %s", err, line)
		}
		records = append(records, record)
	}
	return records
}

// parseRecord reads a line of `journalctl --output=json`: a value is a string, an
// array of bytes when it is not UTF-8, or an array of such values.
func parseRecord(line []byte) (map[string]string, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return nil, err
	}
	record := make(map[string]string, len(fields))
	for name, raw := range fields {
		value, err := parseField(raw)
		if err != nil {
			return nil, err
		}
		record[name] = value
	}
	return record, nil
}

func parseField(raw json.RawMessage) (string, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	// As numbers: Go would take base64 for []byte.
	var numbers []uint16
	if json.Unmarshal(raw, &numbers) == nil {
		bytes := make([]byte, len(numbers))
		for i, number := range numbers {
			bytes[i] = byte(number)
		}
		return string(bytes), nil
	}
	var several []json.RawMessage
	if err := json.Unmarshal(raw, &several); err != nil {
		return "", err
	}
	var values []string
	for _, one := range several {
		value, err := parseField(one)
		if err != nil {
			return "", err
		}
		values = append(values, value)
	}
	return strings.Join(values, "\n"), nil
}

// AwaitJournal waits until a message of the unit, in this boot, contains the text,
// and gives the line of it. It looks again and again: journald wakes those who follow
// a quarter of a second late, and `journalctl --follow` of 247 was seen to miss a record.
func (m *Machine) AwaitJournal(unit, text string, within time.Duration) string {
	m.t.Helper()
	args := append([]string{"journalctl", "--no-pager", "--boot", "--output=cat"}, ofUnit(unit)...)
	deadline := time.Now().Add(within)
	for {
		log := m.MustRun(args...)
		for line := range strings.SplitSeq(log, "\n") {
			if strings.Contains(line, text) {
				return line
			}
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("%s has not logged %q within %v; it has logged:\n%s", unit, text, within, log)
		}
		time.Sleep(pollInterval)
	}
}
