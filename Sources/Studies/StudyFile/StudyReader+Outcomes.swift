import TrimtabSearchSpaces

/// Conditions on what trials report.
extension StudyReader {
  private static let example = "write a metric, <= or >=, and a number, such as  \"latency_ms <= 20\""

  mutating func readOutcomeConstraints(_ node: SourceNode, fidelity: Fidelity?) -> [OutcomeConstraint] {
    guard case .sequence(let items) = node.content else {
      values.diagnostics.add(
        "outcome-constraints must be a list, not \(node.kindName)", at: node,
        hint: "for example  [\"latency_ms <= 20\"]")
      return []
    }
    var found: [OutcomeConstraint] = []
    for item in items {
      guard let constraint = readOutcomeConstraint(item) else { continue }
      if constraint.metric == fidelity?.name {
        values.diagnostics.add(
          "'\(constraint.metric)' is the fidelity, which trials do not measure", at: item,
          hint: "set max in fidelity instead")
      }
      if let other = found.first(where: { $0.metric == constraint.metric && $0.relation == constraint.relation }) {
        values.diagnostics.add(
          "'\(constraint.metric)' has a bound of that kind already: \(other.text)", at: item,
          hint: "keep the stricter one")
      }
      let opposite = found.first { $0.metric == constraint.metric && $0.relation != constraint.relation }
      if let opposite {
        let (least, most) =
          constraint.relation == .atLeast
          ? (constraint.bound, opposite.bound) : (opposite.bound, constraint.bound)
        if least > most {
          values.diagnostics.add(
            "no value meets both \(opposite.text) and \(constraint.text)", at: item, hint: "change one of the bounds")
        }
      }
      found.append(constraint)
    }
    return found
  }

  private mutating func readOutcomeConstraint(_ node: SourceNode) -> OutcomeConstraint? {
    guard let text = values.text(node, "an outcome constraint") else { return nil }
    func trimmed(_ part: Substring) -> Substring {
      var part = part
      while part.first?.isWhitespace == true { part.removeFirst() }
      while part.last?.isWhitespace == true { part.removeLast() }
      return part
    }
    for relation in OutcomeConstraint.Relation.allCases {
      guard let place = Self.place(of: relation.rawValue, in: text) else { continue }
      let metric = String(trimmed(text[..<place.lowerBound]))
      let number = trimmed(text[place.upperBound...])
      guard !metric.isEmpty, !(metric + number).contains(where: { "<>=".contains($0) }) else { break }
      guard let bound = Double(number), bound.isFinite else {
        values.diagnostics.add("'\(number)' is not a finite number", at: node, hint: Self.example)
        return nil
      }
      guard !FileValues.reportWords.contains(metric) else {
        values.diagnostics.add(
          "'\(metric)' has a meaning of its own in reports and cannot be a metric", at: node,
          hint: "choose another name")
        return nil
      }
      return OutcomeConstraint(metric: metric, relation, bound)
    }
    values.diagnostics.add("\(node.shown) is not a condition on a metric", at: node, hint: Self.example)
    return nil
  }

  /// Where the first occurrence of a short ASCII word is.
  private static func place(of word: String, in text: String) -> Range<String.Index>? {
    text.indices.lazy.compactMap { start -> Range<String.Index>? in
      guard text[start...].hasPrefix(word), let end = text.index(start, offsetBy: word.count, limitedBy: text.endIndex)
      else { return nil }
      return start..<end
    }.first
  }
}
