/// Whether the tests were built with optimisation, so that their times mean something.
public let isOptimised: Bool = {
  var result = true
  // Evaluated only in builds without optimisation.
  assert(
    {
      result = false
      return true
    }())
  return result
}()
