import Testing

/// `#expect(got == want)` for calls that mutate, which the macro cannot take apart.
func expectEqual<Value: Equatable>(
  _ got: Value, _ want: Value, _ note: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(got == want, "\(note)", sourceLocation: sourceLocation)
}
