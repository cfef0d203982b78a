/// Why numbers could not be analysed: their shape or a setting is wrong. What is merely missing is NaN, never an error.
public struct AnalysisError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong, where, and what would do.
  public let message: String

  public init(_ message: String) { self.message = message }

  public var description: String { message }
}

/// The common number of elements of the rows, which must be equal and at least `atLeast`.
///
/// - Parameters:
///   - rows: what one row is, such as "task"; named in the error.
///   - elements: what an element is, such as "methods".
func commonCount<Element>(
  _ table: [[Element]], rows: String, elements: String, atLeast: Int = 1
) throws(AnalysisError) -> Int {
  guard let first = table.first else { throw AnalysisError("no \(rows)s: at least one is needed") }
  guard first.count >= atLeast else {
    throw AnalysisError("\(rows) 0 has \(first.count) \(elements); at least \(atLeast) are needed")
  }
  for (i, row) in table.enumerated() where row.count != first.count {
    throw AnalysisError(
      "\(rows) \(i) has \(row.count) \(elements) and \(rows) 0 has \(first.count); all need the same number")
  }
  return first.count
}
