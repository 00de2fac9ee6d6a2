// The fields of messages that are seldom on a tape (statuses, corrections). `NativeMessage` keeps
// what nearly every line needs, and is cleared for each line; these are found by a second pass over
// their lines alone. The slices point into the line and live no longer than it.

import MarketData

struct NativeRareFields {
  private let names: [StaticString]
  private var fields: [JSONField]

  /// Reads the fields with these names; of equal keys the last counts, as in `NativeMessage`.
  init(_ line: UnsafeRawBufferPointer, _ names: [StaticString]) throws(LineError) {
    self.names = names
    fields = Array(repeating: JSONField(), count: names.count)
    do {
      var reader = JSONReader(line)
      try reader.beginObject()
      while let key = try reader.nextKey() {
        if let place = names.firstIndex(where: { $0 ~= key }) {
          fields[place] = try JSONField(&reader)
        } else {
          try reader.skipValue()
        }
      }
    } catch {
      throw .json(error)
    }
  }

  /// The field at a place of `names`, and its name.
  subscript(place: Int) -> (field: JSONField, name: StaticString) { (fields[place], names[place]) }
}
