package http1

// SetFields has the response say fields in place of those of the same names that its
// application says; one with an empty value only takes those away. It must be called
// before the response begins, and fields must stay as they are.
func (r *Response) SetFields(fields []Field) { r.fields = fields }

// isSet reports whether a field's name is one of SetFields.
func (r *Response) isSet(name []byte) bool {
	for i := range r.fields {
		if sameFold(r.fields[i].Name, name) {
			return true
		}
	}
	return false
}

func (r *Response) appendSet(b []byte) []byte {
	for i := range r.fields {
		f := &r.fields[i]
		if len(f.Value) == 0 {
			continue
		}
		b = append(append(b, f.Name...), ':', ' ')
		b = append(append(b, f.Value...), '\r', '\n')
	}
	return b
}
