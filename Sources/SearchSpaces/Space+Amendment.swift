extension Space {
  /// Checks that this space may follow `earlier` in a running study, so that what was observed before keeps its meaning.
  ///
  /// Allowed: other bounds, steps, scales, priors, conditions, constraints, defaults and fixed values; choices added at
  /// the end; parameters added at the end. Not allowed: removing or reordering parameters or choices, changing a
  /// parameter's kind, its items or its parts.
  /// - Throws: `SpaceError` naming the parameter that was changed in another way.
  public func checkSucceeds(_ earlier: Space) throws(SpaceError) {
    for (index, old) in earlier.parameters.enumerated() {
      guard let newIndex = self.index(of: old.name) else {
        throw SpaceError(
          "a parameter cannot be removed from a running study", at: old.name,
          hint: "fix it to one value instead: fixed: …")
      }
      guard newIndex == index else {
        throw SpaceError(
          "parameters cannot change places in a running study", at: old.name, hint: "add new parameters at the end")
      }
      let new = parameters[newIndex]
      switch (old.domain, new.domain) {
      case (.float, .float), (.integer, .integer), (.boolean, .boolean): break
      case (.categorical(let a), .categorical(let b)), (.ordinal(let a), .ordinal(let b)):
        guard b.starts(with: a) else {
          throw SpaceError(
            "choices can only be added at the end in a running study", at: old.name,
            hint: "keep \(a.map(\.description).joined(separator: ", ")) in this order, first")
        }
      case (.constant(let a), .constant(let b)) where a == b: break
      case (.permutation(let a), .permutation(let b)) where a == b: break
      case (.simplex(let a), .simplex(let b)) where a == b: break
      default:
        throw SpaceError(
          "the kind, items or parts of a parameter cannot change in a running study", at: old.name,
          hint: "add a parameter of another name at the end")
      }
    }
  }

  /// The space with one more parameter at the end: how a space grows as trials ask for parameters.
  /// - Throws: `SpaceError` as the initialiser does.
  public func appending(_ parameter: Parameter) throws(SpaceError) -> Space {
    try Space(parameters + [parameter], constraints: constraints)
  }
}
