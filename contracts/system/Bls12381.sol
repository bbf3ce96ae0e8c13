// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title BLS signatures over BLS12-381
/// @notice Public keys in G1, signatures in G2, ciphersuite BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_ of
/// draft-irtf-cfrg-bls-signature, on the precompiled contracts of EIP-2537 and EIP-198. Points are encoded as EIP-2537
/// says: 64 bytes a coordinate of the field, the top 16 of them zero.
/// @dev Needs the rules of Prague or later: before that the precompiles are missing and nothing verifies. They refuse
/// what is not canonical or not on the curve, and the pairing what is outside of its subgroup. A precompile that refuses
/// takes the gas of its call with it: all but one 64th of what is left.
library Bls12381 {
    address private constant MODEXP = address(0x05);
    address private constant G2ADD = address(0x0d);
    address private constant PAIRING_CHECK = address(0x0f);
    address private constant MAP_FP2_TO_G2 = address(0x11);

    /// @dev The field's prime p, 48 bytes.
    bytes private constant PRIME =
        hex"1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab";
    /// @dev (p − 1) / 2 in two words: of a point and its negative, the one with the larger y is above.
    uint256 private constant HALF_HIGH = 0x0d0088f51cbff34d258dd3db21a5d66b;
    uint256 private constant HALF_LOW = 0xb23ba5c279c2895fb39869507b587b120f55ffff58a9ffffdcff7fffffffd555;
    /// @dev Minus the generator of G1.
    bytes private constant NEGATIVE_GENERATOR =
        hex"0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
        hex"00000000000000000000000000000000114d1d6855d545a8aa7d76c8cf2e21f267816aef1db507c96655b9d5caac42364e6f38ba0ecb751bad54dcd6b939c2ca";

    /// @dev Ends with its own length, as RFC 9380 §5.3.1 asks (DST_prime).
    bytes private constant DOMAIN_TAG = "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_\x2b";

    /// @dev Bits of the first byte of a compressed point: that it is compressed, and that y is the larger one.
    uint128 private constant IS_COMPRESSED = 0x80 << 120;
    uint128 private constant HAS_LARGER_Y = 0x20 << 120;

    /// @dev What {verify} found out.
    enum Verdict {
        Valid,
        Invalid,
        NotInGroup
    }

    /// @notice Whether the signature is the key's for this message. The point at infinity must be refused beforehand.
    function verify(bytes32[4] calldata key, bytes32 message, bytes32[8] calldata signature)
        internal
        view
        returns (Verdict)
    {
        // e(key, H(m)) = e(g, signature), with all of it on one side.
        (bool isInGroup, bytes memory result) = PAIRING_CHECK.staticcall(
            abi.encodePacked(key, hashToG2(message), NEGATIVE_GENERATOR, signature)
        );
        if (!isInGroup) return Verdict.NotInGroup;
        return abi.decode(result, (bool)) ? Verdict.Valid : Verdict.Invalid;
    }

    /// @notice RFC 9380 §3, hash_to_curve. The map of EIP-2537 clears the cofactor, which may as well be done before
    /// the sum as after it.
    function hashToG2(bytes32 message) internal view returns (bytes memory) {
        bytes32[8] memory uniform = expandMessage(message);
        return _call(
            G2ADD,
            bytes.concat(
                _mapToG2(uniform[0], uniform[1], uniform[2], uniform[3]),
                _mapToG2(uniform[4], uniform[5], uniform[6], uniform[7])
            )
        );
    }

    /// @notice RFC 9380 §5.3.1, expand_message_xmd to 256 bytes: two elements of Fp2, whose parts take 64 bytes each.
    function expandMessage(bytes32 message) internal pure returns (bytes32[8] memory uniform) {
        // Z_pad is a block of SHA-256, 64 zero bytes; 0x0100 is the size of the output.
        bytes32 base = sha256(abi.encodePacked(bytes32(0), bytes32(0), message, hex"010000", DOMAIN_TAG));
        bytes32 previous = 0;
        for (uint8 i = 0; i < 8; i++) {
            previous = sha256(abi.encodePacked(base ^ previous, i + 1, DOMAIN_TAG));
            uniform[i] = previous;
        }
    }

    /// @notice The 48 bytes that BLS implementations exchange. @return high The first 16. @return low The others.
    function compress(bytes32[4] calldata key) internal pure returns (bytes16 high, bytes32 low) {
        (uint256 yHigh, uint256 yLow) = (uint256(key[2]), uint256(key[3]));
        bool hasLargerY = yHigh > HALF_HIGH || (yHigh == HALF_HIGH && yLow > HALF_LOW);
        // The upper half of the word is zero in every encoding that the pairing accepts.
        uint128 xHigh = uint128(uint256(key[0]));
        return (bytes16(xHigh | IS_COMPRESSED | (hasLargerY ? HAS_LARGER_Y : 0)), key[1]);
    }

    /// @notice Whether the point is the one at infinity, which EIP-2537 encodes as zeros.
    function isInfinity(bytes32[4] calldata key) internal pure returns (bool) {
        return key[0] | key[1] | key[2] | key[3] == 0;
    }

    /// @dev From the 128 uniform bytes of an element of Fp2.
    function _mapToG2(bytes32 a, bytes32 b, bytes32 c, bytes32 d) private view returns (bytes memory) {
        return _call(MAP_FP2_TO_G2, bytes.concat(_reduce(a, b), _reduce(c, d)));
    }

    /// @dev 64 bytes modulo p, as an element of the field.
    function _reduce(bytes32 high, bytes32 low) private view returns (bytes memory) {
        // Sizes of base, exponent and modulus; the exponent is 1.
        bytes memory input =
            abi.encodePacked(uint256(64), uint256(1), uint256(48), high, low, uint8(1), PRIME);
        return bytes.concat(bytes16(0), _call(MODEXP, input));
    }

    /// @dev For input that the precompile cannot refuse: only gas may be missing, and then all of it is.
    function _call(address precompile, bytes memory input) private view returns (bytes memory) {
        (bool hasSucceeded, bytes memory output) = precompile.staticcall(input);
        assert(hasSucceeded);
        return output;
    }
}
