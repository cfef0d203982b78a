/// Zeroed floats at a fixed, 64-byte aligned address.
///
/// The training loops read and write through `base`: an array held by a class would be checked for
/// exclusive access and for bounds on every element.
final class FloatBuffer {
  let count: Int
  let base: UnsafeMutablePointer<Float>

  init(count: Int) {
    self.count = count
    let raw = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64)
    base = raw.bindMemory(to: Float.self, capacity: max(count, 1))
    base.initialize(repeating: 0, count: count)
  }

  deinit {
    base.deallocate()
  }

  /// The contents as an array, and back; a wrong number of elements is refused by the caller.
  var values: [Float] {
    get { Array(UnsafeBufferPointer(start: base, count: count)) }
    set {
      precondition(newValue.count == count)
      for (index, value) in newValue.enumerated() { base[index] = value }
    }
  }
}
