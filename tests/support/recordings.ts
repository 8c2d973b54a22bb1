/** What the face of a recording says of it, of a camera and of a computer alike. Times are ISO 8601. */
export interface RecordingView {
  readonly stream: string;
  readonly recording: boolean;
  readonly fps?: number;
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
  readonly gaps: readonly { readonly from: string; readonly to: string | null; readonly reason: string }[];
  readonly closed: boolean;
}
