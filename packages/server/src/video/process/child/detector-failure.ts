/** A detector cannot work. `message` is a sentence for people. */
export class DetectorFailure extends Error {
  override readonly name = 'DetectorFailure';
}
