/// One key of a file's mapping: the reader accepts these and no others, and a schema for editors can be made from them.
package struct FileKey: Sendable {
  /// What a value looks like.
  package indirect enum Shape: Sendable {
    case text
    case boolean
    case integer(minimum: Int, maximum: Int?)
    /// - exclusive: whether the minimum itself is excluded.
    case number(minimum: Double, exclusive: Bool)
    case seconds
    case bytes
    case oneOf([String])
    case section(FileSection)
    case list(Shape, minimum: Int = 1)
    case anyOf([Shape])
    /// Any keys, all with values of this shape.
    case table(Shape)
    case space
  }

  package let name: String
  package let summary: String
  package let shape: Shape
  package let isRequired: Bool

  package init(_ name: String, _ shape: Shape, _ summary: String, isRequired: Bool = false) {
    self.name = name
    self.summary = summary
    self.shape = shape
    self.isRequired = isRequired
  }
}

/// A mapping in a file and the keys it may have.
package struct FileSection: Sendable {
  /// What errors call it.
  package let name: String
  package let keys: [FileKey]
  /// Whether further keys, with single values, may stand in it.
  package var isOpen = false

  package init(name: String, keys: [FileKey], isOpen: Bool = false) {
    self.name = name
    self.keys = keys
    self.isOpen = isOpen
  }

  package var keyNames: [String] { keys.map(\.name) }
}
