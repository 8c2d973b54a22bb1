/**
 * A certificate for `hook.example` and `proxy.example` that its own key has signed, PEM. It is for tests and good for
 * nothing else: whoever has these files has its key.
 */
export const CERTIFICATE: { readonly key: string; readonly cert: string } = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg8l4ohSHSxL07puZv
uqJWAkY+61KiNu/3j0H5hwPH4mChRANCAASfP98tYoqcQl3Lv1h+EhnXMFr5xQfH
HR5/mwWgR9ffwwYNb4lAWZV6EX14pYUW/WF0pAnBVHgD+61Pnb/em3Kr
-----END PRIVATE KEY-----
`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBrDCCAVOgAwIBAgIUOKIQrYKm263gDX1H681lRpc2ztQwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMaG9vay5leGFtcGxlMCAXDTI2MTEyMTE2NTEyNloYDzIxMjYx
MDI4MTY1MTI2WjAXMRUwEwYDVQQDDAxob29rLmV4YW1wbGUwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAASfP98tYoqcQl3Lv1h+EhnXMFr5xQfHHR5/mwWgR9ffwwYN
b4lAWZV6EX14pYUW/WF0pAnBVHgD+61Pnb/em3Kro3sweTAdBgNVHQ4EFgQUCFoO
KEt0A63eMigpdVhc8BNCG+AwHwYDVR0jBBgwFoAUCFoOKEt0A63eMigpdVhc8BNC
G+AwDwYDVR0TAQH/BAUwAwEB/zAmBgNVHREEHzAdggxob29rLmV4YW1wbGWCDXBy
b3h5LmV4YW1wbGUwCgYIKoZIzj0EAwIDRwAwRAIgTYkR5pbvYgC+YeqLwWZvkuFv
rNPTTVr7poYsXYL/BzACIBcmppKLEZKunAK6A3k1j56rTliKo3PQ+x0Av6j3WfsM
-----END CERTIFICATE-----
`,
};
