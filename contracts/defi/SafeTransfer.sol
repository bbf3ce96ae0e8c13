// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "../interfaces/IERC20.sol";

/// @title Token transfers that succeed or revert
/// @notice Some tokens return false instead of reverting, some return nothing at all; an address without code
/// accepts every call. All three are told apart here.
library SafeTransfer {
    /// @notice The token refused, or is none.
    error TransferFailed(address token, address from, address to, uint256 value);

    /// @dev Moves `value` of this contract's tokens to `to`.
    function send(address token, address to, uint256 value) internal {
        bytes memory call = abi.encodeCall(IERC20.transfer, (to, value));
        if (!_succeeds(token, call)) revert TransferFailed(token, address(this), to, value);
    }

    /// @dev Moves `value` of the tokens of `from`, which allowed it to this contract, to `to`.
    function pull(address token, address from, address to, uint256 value) internal {
        bytes memory call = abi.encodeCall(IERC20.transferFrom, (from, to, value));
        if (!_succeeds(token, call)) revert TransferFailed(token, from, to, value);
    }

    function _succeeds(address token, bytes memory call) private returns (bool) {
        (bool success, bytes memory result) = token.call(call);
        if (!success) return false;
        if (result.length == 0) return token.code.length > 0;
        return result.length >= 32 && abi.decode(result, (uint256)) == 1;
    }
}
