// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Fungible token (ERC-20)
interface IERC20 {
    /// @notice `value` moved from `from` to `to`; the zero address stands for creation and destruction.
    event Transfer(address indexed from, address indexed to, uint256 value);

    /// @notice `spender` may now move `value` on behalf of `owner`, in place of what it could before.
    event Approval(address indexed owner, address indexed spender, uint256 value);

    /// @notice Amount of tokens in existence, in the smallest unit.
    function totalSupply() external view returns (uint256);

    /// @notice Amount that `account` holds.
    function balanceOf(address account) external view returns (uint256);

    /// @notice Amount that `spender` may still move on behalf of `owner`.
    function allowance(address owner, address spender) external view returns (uint256);

    /// @notice Moves `value` from the caller to `to`.
    /// @return Always true; a transfer that fails reverts.
    function transfer(address to, uint256 value) external returns (bool);

    /// @notice Lets `spender` move up to `value` of the caller's tokens. The maximum of uint256 never runs out.
    /// @return Always true.
    function approve(address spender, uint256 value) external returns (bool);

    /// @notice Moves `value` from `from` to `to` out of the caller's allowance.
    /// @return Always true; a transfer that fails reverts.
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}
